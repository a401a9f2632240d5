"""A terminal of 80 columns: what commands look like there (fixtures in tests/system/terminal, made anew by METERLINE_FIXTURES=1), the prompt, and what query says."""
import os
import pathlib
import pty
import re
import select
import time
import unicodedata

from system_program import ROOT

FIXTURES = pathlib.Path(__file__).resolve().parent / "terminal"
NARROW = {"COLUMNS": "80", "NO_COLOR": "1"}
SERIES = ("-g", "Wohnung 1", "-t", "ELECTRICITY", "-a", "ENERGY")


def filled(meterline):
    flats = [ROOT / "share/sample" / f"flats-2024-{month}.csv" for month in (10, 11)]
    meterline("import", "-q", "-t", "ELECTRICITY", "-a", "ENERGY", "-z", "Europe/Vienna", *flats)
    meterline("run", "-q", "--until-end")


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def fixture(name, text):
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "(time now)", text)
    text = re.sub(r"^(\S+ +\d+ +\d+ +)(\d+)(?= +-1)", lambda found: found[1] + "B" * len(found[2]), text, flags=re.M)  # compressed bytes
    assert "\x1b" not in text, text
    path = FIXTURES / f"{name}.txt"
    if os.environ.get("METERLINE_FIXTURES"):
        path.write_text(text)
    assert text == path.read_text(), f"{name} looks otherwise:\n{text}"


def test_terminal_of_80_columns(meterline):
    filled(meterline)
    meterline("sql", "-q", "-e", "CREATE STREAM F (K STRING KEY, LONG_COLUMN_NAME STRING, N INT) WITH (KAFKA_TOPIC='f', VALUE_FORMAT='JSON', PARTITIONS=1);"
              "INSERT INTO F (ROWTIME, K, LONG_COLUMN_NAME, N) VALUES (1704067200000, 'key', 'a text\nof two lines, that goes on and on until it is far wider than any terminal of 80 columns can show', 12345);"
              "INSERT INTO F (ROWTIME, K, LONG_COLUMN_NAME, N) VALUES (1704067260000, 'Küche', '短い', 7);")
    cases = {
        "query": ("query", "-w", "1d", "-n", "2"),
        "query-gaps": ("query", "-w", "1h", "--gaps"),
        "query-why": ("query", "-w", "1h", *SERIES, "--from", "2024-10-25T10:00", "--why"),
        "topics": ("topics",),
        "tail-expanded": ("tail", "metrics", "-b", "-n", "1", "-p", "0", "--expanded"),
        "sql-select": ("sql", "-e", "SELECT ROWTIME, K, LONG_COLUMN_NAME, N FROM F;"),
        "sql-streams": ("sql", "-e", "SHOW STREAMS;"),
    }
    for name, words in cases.items():
        out, _ = meterline(*words, "--format", "table", environment=NARROW)
        for line in out.splitlines():
            assert columns(line) <= 80 or name == "tail-expanded", f"{name}: {line}"
        fixture(name, out)
    for command in ("import", "query", "run", "sql"):
        out, _ = meterline(command, "--help", environment=NARROW)
        for line in out.splitlines():
            assert columns(line) <= 80 or line.startswith(("  meterline", "Usage:")) or "://" in line, line


def test_output_to_a_pipe_is_whole(meterline):
    filled(meterline)
    out, _ = meterline("query", "-w", "1d", "-n", "1", "--format", "table")
    assert "windowStart" in out.splitlines()[0] and len(out.splitlines()) == 2, out
    assert meterline("query", "-w", "1d", "-n", "1")[0].startswith("gateway,type,attribute,windowStart")


def test_query_gaps_and_fill(meterline):
    filled(meterline)
    gaps = meterline("query", "-w", "1h", "--gaps")[0].splitlines()[1:]
    assert gaps == ["Küche EG,ELECTRICITY,ENERGY,2024-10-27T07:00:00Z,2024-10-27T08:00:00Z,1",
                    "Wohnung 2,ELECTRICITY,ENERGY,2024-10-26T10:00:00Z,2024-10-26T11:00:00Z,1"], gaps
    assert meterline("query", "-w", "1h", "--gaps", "--order", "desc")[0].splitlines()[1:] == gaps
    between = ("-g", "Wohnung 2", "--from", "2024-10-26T09:00", "--to", "2024-10-26T13:00", "--fill")
    rows = meterline("query", "-w", "1h", *between)[0].splitlines()[1:]
    assert len(rows) == 4 and rows[1] == "Wohnung 2,ELECTRICITY,ENERGY,2024-10-26T10:00:00Z,2024-10-26T11:00:00Z,0,,,,", rows
    assert meterline("query", "-w", "1h", *between, "--order", "desc")[0].splitlines()[1:] == rows[::-1]
    assert len(meterline("query", "-w", "1h", *between, "-n", "2")[0].splitlines()) == 3
    meterline("query", "-w", "1h", "-g", "Wohnung 1", "--gaps", says="no window is missing")


def test_query_gaps_of_local_days(meterline):
    """The days of a change of clocks have 25 hours; a gap over them has as many days as it has."""
    days = "gateway,type,attribute,timestamp,value\n" + "".join(f"g,E,A,{time},1\n" for time in ("2024-10-25T12:00:00Z", "2024-10-28T12:00:00Z", "2024-10-30T12:00:00Z"))
    meterline("replay", "-q", "-t", "readings", "-", input=days)
    meterline("run", "-q", "--windows", "day@Europe/Vienna", "--until-end", "--final")
    assert meterline("query", "-w", "day@Europe/Vienna", "--gaps")[0].splitlines()[1:] == \
        ["g,E,A,2024-10-25T22:00:00Z,2024-10-27T23:00:00Z,2", "g,E,A,2024-10-28T23:00:00Z,2024-10-29T23:00:00Z,1"]
    filled_in = [line.split(",")[3:6] for line in meterline("query", "-w", "day@Europe/Vienna", "--fill", "--order", "desc")[0].splitlines()[1:]]
    assert filled_in[3:5] == [["2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z", "0"], ["2024-10-25T22:00:00Z", "2024-10-26T22:00:00Z", "0"]], filled_in
    meterline("query", "-w", "day@Europe/Vienna", "-g", "g", "-t", "E", "-a", "A", "--from", "2024-10-25T00:00", "--why", status=1, says="no start of a window day@Europe/Vienna")
    rows = meterline("query", "-w", "day@Europe/Vienna", "-g", "g", "-t", "E", "-a", "A", "--from", "2024-10-27T23:00", "--why")[0].splitlines()
    assert rows[1].startswith("read,1,1,metrics,") and rows[5].startswith("row,1,1"), rows


def test_query_says_why(meterline):
    filled(meterline)
    more = "gateway,type,attribute,timestamp,value\n" + "Wohnung 1,ELECTRICITY,ENERGY,2024-10-25T10:00:00Z,9\n" * 2
    meterline("replay", "-q", "-t", "readings", "-", input=more)
    meterline("run", "-q", "--until-end")
    out, _ = meterline("query", "-w", "1h", *SERIES, "--from", "2024-10-25T10:00", "--why")
    rows = {line.split(",")[0]: line.split(",") for line in out.splitlines()}
    last = meterline.end_offsets() - 1
    assert rows["read"][1] == "3" and abs(float(rows["read"][2]) - 18.12) < 1e-9, out
    assert rows["late"][1:4] == ["2", "18", "metrics-late"] and rows["duplicate"][1:3] == ["1", "9"], out
    assert rows["rejected"][1] == "0" and rows["row"][1:3] == ["1", "0.12"], out
    assert int(rows["read"][6]) == int(rows["duplicate"][5]) <= last, out
    meterline("query", "--why", "-g", "0", status=2, says="--gateway, --type, --attribute and --from")


def test_query_without_rows_says_what_there_is(meterline):
    filled(meterline)
    for words, says in ((("-a", "ENERGIE"), "no attribute is called 'ENERGIE': the store has ENERGY; did you mean ENERGY?"),
                        (("-g", "Wohnung 3"), "the store has Küche EG, Wohnung 1, Wohnung 2"),
                        (("--from", "2025"), "windows start from 2024-10-24T22:00:00Z to 2024-11-03T20:00:00Z")):
        meterline("query", *words, says=says)
    meterline("query", "-w", "2h", status=1, says=["no windows of 7200 s, but of 60, 600, 3600, 86400", "--final closes all"])
    for words, says in ((("--from", "2025", "--to", "2024"), "--from 2025 is not before --to 2024"), (("-w", "1x"), "window size '1x'"), (("-w", "0"), "out of range"),
                        (("--gaps", "--fill"), "exclude each other"), (("--from", "2024-13"), "2007-06 or 2007")):
        meterline("query", *words, status=2, says=says)
    assert len(meterline("query", "-w", "1d", "--from", "2024-11", "-g", "Wohnung 1")[0].splitlines()) == 3


class Typed:
    """The prompt on a terminal of its own."""

    def __init__(self, meterline, **environment):
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.execve(meterline.binary, meterline.command("sql"), {**os.environ, "TERM": "dumb", "ASAN_OPTIONS": "detect_leaks=0", **environment})   # libedit keeps what was typed
        self.seen = ""

    def until(self, word, seconds=30):
        """Reads until the word has come; returns what came, up to it."""
        end = time.monotonic() + seconds
        while word not in self.seen:
            assert time.monotonic() < end, f"{word} has not come: {self.seen}"
            if select.select([self.terminal], [], [], 0.1)[0]:
                self.seen += os.read(self.terminal, 4096).decode()
        found, self.seen = self.seen.split(word, 1)
        return found

    def type(self, text):
        os.write(self.terminal, text.encode())


def test_prompt(meterline):
    (home := meterline.path("home")).mkdir()
    typed = Typed(meterline, HOME=str(home))
    typed.until("'help' says what there is")
    typed.until("meterline> ")
    typed.type("SELECT nonsense")
    typed.until("nonsense")
    typed.type("\x03")
    typed.until("meterline> ")
    typed.type("SHOW STRE\tS;\n")  # Tab adds AM
    typed.until("Stream Name")
    typed.until("meterline> ")
    typed.type("help\n")
    typed.until("Ctrl-C clears the line")
    typed.type("\\x\n")
    typed.until("a line for each cell\r\n")
    typed.type("CREATE STREAM Q (A INT) WITH (KAFKA_TOPIC='q', VALUE_FORMAT='JSON', PARTITIONS=1);\n")
    typed.type("SHOW STREAMS;\n")
    typed.until("-[ 1 ]")
    typed.type("exit\n")
    assert os.waitpid(typed.process, 0)[1] == 0
    os.close(typed.terminal)
    assert "CREATE STREAM Q" in (home / ".meterline_history").read_text().replace("\\040", " ")


def test_prompt_without_a_home(meterline):
    typed = Typed(meterline, HOME=str(meterline.path("nowhere")))
    typed.until("meterline> ")
    typed.type("SHOW TABLES;\n")
    typed.until("Table Name")
    typed.type("exit\n")
    assert os.waitpid(typed.process, 0)[1] == 0
    os.close(typed.terminal)
    assert not meterline.path("nowhere").exists()
