"""How it behaves in operation: resuming, stopping, several processes, damaged and foreign data, the commands that look."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

from system_program import SAMPLE, Skipped, slow


def synthetic(meterline, *more):
    meterline("replay", "-t", "synthetic", "--series", 8, "--interval", "10s", "--duration", "1h", *more)


def test_count_day_offset_households_and_stdin(meterline):
    meterline("replay", "-t", "electricity", "-d", 1, "-s", 2, "-e", 3, "-c", 17, SAMPLE, says="published 17 readings")
    records = meterline.records("metrics")
    assert len(records) == 17 and {record["value"]["gateway"] for record in records} == {"2", "3"}
    assert min(record["value"]["timestamp"] for record in records) == "2007-06-02T00:00:00Z"
    meterline("replay", "-t", "electricity", "-c", 5, "-", input=SAMPLE.read_bytes(), says="published 5 readings")
    assert meterline.end_offsets() == 22


@slow
def test_resume_after_count(meterline):
    for count in (1000, 1000, 50000, 0):
        meterline("replay", "-t", "electricity", "--resume", "-c", count, SAMPLE)
    other = meterline.folder / "other"
    meterline("replay", "-t", "electricity", SAMPLE, data=other)
    pick = lambda records: sorted((r["partition"], r["offset"], r["key"], json.dumps(r["value"])) for r in records)
    assert pick(meterline.records("metrics")) == pick(meterline.records("metrics", data=other))


def test_pacing_is_even(meterline):
    began = time.monotonic()
    meterline("replay", "-t", "synthetic", "--series", 4, "-r", 200, "-c", 101)
    assert 0.45 < time.monotonic() - began < 3
    stamps = sorted({record["timestamp"] for record in meterline.records("metrics")})
    assert len(stamps) > 20, "the readings came in bursts"


def test_signals_stop_cleanly(meterline):
    replay = meterline.start("replay", "-t", "synthetic", "--series", 10, "-r", 500, "--duration", "1d")
    meterline.wait_for(lambda: b"metrics," in meterline.shown("topics", "--format", "csv"), replay)
    run = meterline.start("run")
    meterline.wait_for(lambda: b"run." in meterline.shown("topics", "metrics", "--format", "csv"), run)
    for process, number in ((run, signal.SIGTERM), (replay, signal.SIGINT)):
        began = time.monotonic()
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert time.monotonic() - began < (1.5 if os.getloadavg()[0] < 2 * os.cpu_count() else 15), "took too long to stop"
    assert "--resume" in err
    metrics = meterline.metrics("--until-end")
    meterline.check_conservation(metrics)


def test_readers_wake_up(meterline):
    meterline("topics", "create", "metrics")
    track = meterline.start("track", "metrics", "--count", "1", "--timeout", "20s", "--format", "json")
    seed = 0
    while track.poll() is None:   # what is published before it looks is not for it
        seed += 1
        meterline("replay", "-t", "synthetic", "--series", 1, "-c", 1, "--seed", seed)
    out, err = track.communicate(timeout=20)
    assert track.returncode == 0 and json.loads(out)["records"] == 1, err


def test_changed_definition_is_refused(meterline):
    synthetic(meterline)
    meterline("run", "--until-end")
    meterline("run", "--grace", "1h", "--until-end", status=1, says=["--reset", "--group"])
    meterline("run", "--grace", "1h", "--windows", "60,900", "--group", "other", "--final")
    assert len(meterline.rows(900)) == 8 * 4


def test_a_size_that_comes_later(meterline):
    """It begins with the oldest reading, and the others go on where they were; one that is left out and comes again goes on too."""
    synthetic(meterline)
    meterline("run", "--windows", "60", "--until-end")
    _, err = meterline("run", "--windows", "60,15m", "--until-end")
    assert "AGGREGATES_60: read 0 " in err and f"AGGREGATES_900: read {8 * 360} " in err, err
    synthetic(meterline, "--seed", 2, "--start", "2024-01-01T01:00:00Z")
    _, err = meterline("run", "--windows", "900", "--until-end")
    assert f"AGGREGATES_900: read {8 * 360} " in err, err
    metrics = meterline.metrics("--windows", "60,900,3600", "--final")
    meterline.check_conservation(metrics, ("60", "900", "3600"))
    assert sum(int(row["sampleCount"]) for row in meterline.rows(60)) == 2 * 8 * 360
    for window, rows in ((60, 120), (900, 8), (3600, 2)):
        assert len(meterline.rows(window)) == 8 * rows, window
        assert len(meterline.records(f"metrics-aggregates-{window}")) == 8 * rows, "written once"


def test_final_then_more_is_late(meterline):
    synthetic(meterline)
    meterline("run", "--final")
    synthetic(meterline, "--seed", 2)
    metrics = meterline.metrics("--final")
    assert metrics["meterline_records_late_total", "86400"] == 8 * 360
    meterline.check_conservation(metrics)


def test_idle_close(meterline):
    synthetic(meterline)
    run = meterline.start("run", "--windows", "1,2", "--grace", "0", "--idle-close", "1s")
    meterline.wait_for(lambda: meterline.shown("query", "--window", 1, "--format", "csv").count(b"\n") > 8 * 360, run)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=10)
    assert len(meterline.rows(1)) == 8 * 360, "the last windows were not closed"


def test_damaged_batch_is_found(meterline):
    synthetic(meterline)
    database = sqlite3.connect(meterline.data / "meterline.db")
    number, blob = database.execute("SELECT id, data FROM log_batches ORDER BY id LIMIT 1").fetchone()
    damaged = bytearray(blob)
    damaged[len(blob) // 2] ^= 4
    database.execute("UPDATE log_batches SET data=? WHERE id=?", (bytes(damaged), number))
    database.commit()
    database.close()
    meterline("run", "--final", status=1, says=["metrics", "partition", "offset", "checksum"])


def test_foreign_and_other_versions_are_refused(meterline):
    synthetic(meterline)
    database = sqlite3.connect(meterline.data / "meterline.db")
    database.execute("PRAGMA user_version=99")
    database.close()
    meterline("run", "--final", status=1, says="99")
    other = meterline.folder / "foreign"
    other.mkdir()
    foreign = sqlite3.connect(other / "meterline.db")
    foreign.execute("CREATE TABLE mine(x)")
    foreign.close()
    before = (other / "meterline.db").read_bytes()
    meterline("replay", "-t", "synthetic", data=other, status=1, says="not a meterline")
    assert (other / "meterline.db").read_bytes() == before
    (other / "meterline.db").write_bytes(b"this is no database " * 1000)
    meterline("run", "--final", data=other, status=1, says=["file is not a database", "use another folder (--data)"])
    assert (other / "meterline.db").read_bytes() == b"this is no database " * 1000


def test_folder_that_is_not_writable(meterline):
    blocked = meterline.file("plain", "a file, not a folder")
    meterline("replay", "-t", "synthetic", data=blocked / "data", status=1, says="plain")


def test_full_disk(meterline):
    if os.geteuid() != 0:
        raise Skipped("mounting a small file system needs root")
    mount = meterline.folder / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", mount], capture_output=True).returncode != 0:
        raise Skipped("a small file system cannot be mounted here")
    try:
        meterline("replay", "-t", "electricity", "-e", 9, SAMPLE, data=mount / "data", status=1, says="disk")
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


def test_query_filters(meterline):
    meterline("replay", "-t", "synthetic", "--series", 8, "--interval", "60s", "--duration", "3h", "--start", "2024-02-01T00:00:00Z")
    meterline("run", "--final")
    assert {row["gateway"] for row in meterline.rows(3600, "--gateway", "1")} == {"1"}
    assert {row["attribute"] for row in meterline.rows(3600, "--attribute", "VOLTAGE", "--type", "ELECTRICITY")} == {"VOLTAGE"}
    part = meterline.rows(3600, "--gateway", "0", "--attribute", "VOLTAGE", "--from", "2024-02-01T01:00:00Z", "--to", "2024-02-01T02:00:00Z")
    assert [row["windowStart"] for row in part] == ["2024-02-01T01:00:00Z"] and part[0]["sampleCount"] == "60"
    newest = meterline.rows(3600, "--gateway", "0", "--attribute", "VOLTAGE", "--order", "desc", "--limit", "1")
    assert [row["windowStart"] for row in newest] == ["2024-02-01T02:00:00Z"]
    out, _ = meterline("query", "--limit", "1", "--format", "json")
    assert json.loads(out)["sampleCount"] == 60
    out, _ = meterline("query", "--gateway", "0", "--attribute", "VOLTAGE", "--chart")
    assert out.count("█") > 3
    out, err = meterline("query", "--gateway", "nobody")
    assert not out.splitlines()[1:] and "no gateway is called 'nobody': the store has 0, 1" in err
    meterline("query", "--window", "61", status=1, says="86400")
    view = sqlite3.connect(meterline.data / "meterline.db").execute(
        "SELECT gateway, metric, bucket, windowStart, sampleCount FROM metrics_aggregates_60 WHERE attribute='VOLTAGE' AND gateway='0' ORDER BY windowStart LIMIT 1").fetchone()
    assert view == ("0", "ELECTRICITY", "2024-02-01", "2024-02-01T00:00:00Z", 1)


def test_topics(meterline):
    meterline("topics", "create", "mine", "--partitions", 2, "--retention-time", "30d")
    meterline("topics", "create", "mine", status=1, says="exists")
    meterline("topics", "create", "no/slash", status=1, says="no/slash")
    synthetic(meterline)
    meterline("run", "--final")
    out, _ = meterline("topics", "--format", "csv")
    assert "mine,2,0,0,2592000000,-1" in out and f"metrics,4,{8 * 360}," in out
    out, _ = meterline("topics", "metrics", "--format", "csv")
    lags = [line.split(",") for line in out.splitlines() if line.startswith("run.")]
    assert {line[0] for line in lags} == {"run.sql.metrics"}
    assert sum(int(line[4]) for line in lags) == 8 * 360 and all(line[5] == "0" for line in lags)
    meterline("topics", "alter", "mine", "--retention-bytes", "1M")   # it is empty
    out, _ = meterline("topics", "--format", "csv")
    assert "mine,2,0,0,2592000000,1048576" in out, "what was not given stays"
    meterline("topics", "alter", "mine", "--retention-time", "forever", "--retention-bytes", "any")
    assert "mine,2,0,0,-1,-1" in meterline("topics", "--format", "csv")[0]
    meterline("topics", "alter", "mine", status=1, says="what is to be altered?")
    meterline("topics", "delete", "mine")
    meterline("topics", "mine", status=1, says="does not exist")


def test_what_is_lost_is_said_and_confirmed(meterline):
    synthetic(meterline)
    total = 8 * 360
    meterline("topics", "alter", "metrics", "--retention-time", "3", status=1, says="--retention-time: '3' has no unit: did you mean 3s, 3m, 3h or 3d?")
    for words in (("alter", "metrics", "--retention-time", "3s"), ("alter", "metrics", "--retention-bytes", "1K"), ("delete", "metrics")):
        meterline("topics", *words, status=1, says=[f"topic metrics has {total} records in 4 partitions", "deleted for good", "nothing was changed", "--yes"])
        assert meterline.end_offsets() == total and f"metrics,4,{total}," in meterline("topics", "--format", "csv")[0]
    meterline("topics", "alter", "metrics", "--retention-time", "3h", "--yes")
    meterline("topics", "alter", "metrics", "--retention-time", "4h")   # longer: nothing is lost
    assert ",14400000,-1" in meterline("topics", "--format", "csv")[0]
    meterline("topics", "delete", "metrics", "--yes", says=f"{total} records")
    meterline("topics", "metrics", status=1, says="does not exist")


def test_tail_until_the_end(meterline):
    synthetic(meterline)
    began = time.monotonic()
    out, _ = meterline("tail", "metrics", "--from-beginning", "--until-end", "--format", "json")
    assert len(out.splitlines()) == 8 * 360
    out, _ = meterline("tail", "metrics", "--until-end", "--format", "json")
    assert out == ""
    out, _ = meterline("tail", "metrics", "-b", "--until-end", "--partition", 2, "--format", "json")
    assert 0 < len(out.splitlines()) < 8 * 360 and time.monotonic() - began < 60


def test_help_shows_what_a_command_uses(meterline):
    for command, shown, hidden in (("tail", ("--data", "--bus", "--registry"), ("--cache", "--store", "--durability", "--instance")),
                                   ("query", ("--data", "--store", "--cache", "--bus"), ("--replication", "--instance")),
                                   ("topics", ("--bus", "--replication"), ("--store", "--cache", "--registry"))):
        out, _ = meterline(command, "--help")
        assert all(f" {option} " in out for option in shown) and not any(f" {option} " in out for option in hidden), out
    out, _ = meterline("run", "--help")
    assert all(f" {option} " in out for option in ("--store", "--cache", "--bus", "--instance"))


def test_numbers_of_track_are_short(meterline):
    synthetic(meterline)
    out, _ = meterline("track", "metrics", "--count", 100, "--from-beginning", "--format", "csv")
    assert re.fullmatch(r"[0-9]+,[0-9]+\.[0-9]{6},[0-9]+\.[0-9]{6},[0-9]+", out.splitlines()[1]), out
