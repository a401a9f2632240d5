"""Plausible mistakes, in options, SQL, names of files, addresses and units: each with its exit status and its message, from tests/system/mistakes.txt (made anew by
METERLINE_FIXTURES=1). A message says what, where, and what to do; an exit status of 2 is wrong usage. Nothing that a mistake names is made or changed."""
import os
import pathlib
import shlex
import subprocess

LONGEST = 130  # what is longer is compared to here, and ends with ".."
MISTAKES = pathlib.Path(__file__).resolve().parent / "mistakes.txt"


def prepare(meterline):
    meterline.file("a.csv", "t;v\n13.01.2024;1,5\n")
    meterline.file("both.csv", "t;v\n1/2/2024;1\n")
    meterline("import", "-q", "-g", "g", "-t", "E", "-a", "A", "-z", "UTC", meterline.path("a.csv"))
    meterline("run", "-q", "--until-end", "--final")
    meterline("sql", "-q", "-e", "CREATE STREAM S (K STRING KEY, V INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1); INSERT INTO S (K, V) VALUES ('a', 1);")


def make(meterline, command):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("METERLINE")} | {"METERLINE_DATA": str(meterline.data)}
    return subprocess.run([meterline.binary, *shlex.split(command)], cwd=meterline.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_mistakes(meterline):
    prepare(meterline)
    before = meterline("topics")[0]
    lines = MISTAKES.read_text().splitlines()
    made, wrong = [], []
    for at in range(0, len(lines), 2):
        command, expected = lines[at].removeprefix("$ meterline "), lines[at + 1]
        done = make(meterline, command)
        got = f"{done.returncode} {(done.stderr.splitlines() or [''])[0]}"
        made += [lines[at], got if len(got) <= LONGEST else got[:LONGEST - 2] + ".."]
        if got != expected and not (expected.endswith("..") and got.startswith(expected[:-2])):
            wrong.append(f"{command}\n  expected {expected}\n  got      {got}")
        assert done.returncode in (1, 2) and done.stderr.startswith("meterline"), (command, done)
        assert done.returncode == 1 or "' lists the" in done.stderr or "--help' explains it." in done.stderr, (command, done)
    if os.environ.get("METERLINE_FIXTURES"):
        MISTAKES.write_text("\n".join(made) + "\n")
    assert not wrong or os.environ.get("METERLINE_FIXTURES"), "\n".join(wrong)
    assert len(lines) >= 200 and meterline("topics")[0] == before
