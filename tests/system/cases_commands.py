"""What the commands print and take: summary, formats, environment, counts and timeouts, other ways of giving a file."""
import csv
import gzip
import io
import json
import os
import re
import signal
import subprocess
import time
import zlib

from system_program import SAMPLE, slow

SUMMARY = re.compile(r"read (\d+) = folded (\d+) \+ late (\d+) \+ rejected (\d+) \+ null (\d+) \+ filtered (\d+)  \((\d+) s")


def synthetic(meterline, *more):
    meterline("replay", "-t", "synthetic", "--series", 8, "--interval", "10s", "--duration", "1h", *more)


def test_summary_adds_up_for_each_size(meterline):
    synthetic(meterline, "--late", 0.02, "--bad", 0.02, "--duration", "3h")
    _, err = meterline("run", "--final", "--windows", "60,3600")
    lines = [list(map(int, match)) for match in SUMMARY.findall(err)]
    assert [line[6] for line in lines] == [60, 3600], err
    for read, folded, late, rejected, null, filtered, _ in lines:
        assert read == meterline.end_offsets() == folded + late + rejected + null + filtered and late > 0 and rejected > 0
    _, err = meterline("run", "--final", "--windows", "60,3600")
    assert [int(match[0]) for match in SUMMARY.findall(err)] == [0, 0], "a run's summary is that run's"


def test_quiet_is_quiet(meterline):
    for words in (["replay", "-q", "-t", "electricity", "-c", 1000, SAMPLE], ["run", "-q", "--final"], ["query", "-q", "--gateway", "nobody"]):
        _, err = meterline(*words)
        assert err == "", err


def test_metrics_are_the_groups_since_its_first_record(meterline):
    synthetic(meterline)
    meterline("run", "--until-end")
    synthetic(meterline, "--seed", 2, "--start", "2024-01-02T00:00:00Z")
    metrics = meterline.metrics("--final")
    meterline.check_conservation(metrics)
    assert metrics["meterline_records_read_total", "60"] == 2 * 8 * 360
    for window in (60, 600, 3600, 86400):
        assert metrics["meterline_results_total", str(window)] == len(meterline.rows(window)) == len(meterline.records(f"metrics-aggregates-{window}"))
    assert metrics["meterline_lag_records", "60"] == 0 and metrics["meterline_commits_total", None] >= 1
    for line in (meterline.folder / "metrics.prom").read_text().splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{(\w+=\"[^\"]*\",?)+\})? \d+", line), line


def test_metrics_file_that_cannot_be_written(meterline):
    synthetic(meterline)
    meterline("run", "--final", "--metrics", meterline.folder / "no/such/folder/m.prom", status=1, says="no/such/folder")
    assert len(meterline.rows(60)) == 8 * 60, "the results are there all the same"


def test_run_of_an_empty_topic(meterline):
    meterline("topics", "create", "metrics")
    _, err = meterline("run", "--final")
    assert [match[0] for match in SUMMARY.findall(err)] == ["0"] * 4
    meterline("query", "--window", 60, status=1, says="no windows of 60 s yet")


def test_formats_say_the_same(meterline):
    synthetic(meterline)
    meterline("run", "--final")
    table = list(csv.DictReader(io.StringIO(meterline("query", "--window", 600, "--format", "csv")[0])))
    lines = [json.loads(line) for line in meterline("query", "--window", 600, "--format", "json")[0].splitlines()]
    aligned = meterline("query", "--window", 600, "--format", "table")[0].splitlines()
    assert len(table) == len(lines) == 48 and [list(line) for line in lines] == [list(row) for row in table]
    for row, line in zip(table, lines):
        assert all(float(row[name]) == line[name] for name in ("sampleCount", "min", "max", "sum", "average")) and row["windowStart"] == line["windowStart"]
    assert all(name in aligned[0] for name in table[0]) and table[-1]["sum"] in aligned[-1]
    assert [row["windowStart"] for row in table[:6]] == [f"2024-01-01T00:{minute}0:00Z" for minute in range(6)]
    keys = [".".join((row["gateway"], row["type"], row["attribute"])) for row in table]
    assert keys == sorted(keys, key=str.encode)


def test_keys_are_ordered_by_bytes(meterline):
    gateways = ["b", "a", "10", "9", "é", "Z", "a b", '"q,"']
    rows = "".join('"%s",W,F,2024-01-01T00:00:00Z,1\n' % gateway.replace('"', '""') for gateway in gateways)
    meterline("replay", "-t", "readings", meterline.file("rows.csv", "gateway,type,attribute,timestamp,value\n" + rows), says="published 8 readings")
    meterline("run", "--final")
    assert [row["gateway"] for row in meterline.rows(60)] == sorted(gateways, key=lambda gateway: f"{gateway}.W.F".encode())
    (row,) = meterline.rows(60, "--gateway", '"q,"')
    assert row["sampleCount"] == "1"


def test_environment(meterline):
    settings = dict(os.environ, METERLINE_DATA=str(meterline.data))
    for words in (["replay", "-t", "synthetic", "--series", "4", "--duration", "10m"], ["run", "--final"]):
        subprocess.run([meterline.binary, *words], env=settings, check=True, capture_output=True, timeout=60)
    assert len(meterline.rows(600)) == 4
    done = subprocess.run([meterline.binary, "run"], env=dict(settings, METERLINE_WORKERS="many"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "many" in done.stderr, done.stderr


def test_tail_takes_what_it_is_asked_for(meterline):
    synthetic(meterline)
    assert len(meterline.records("metrics", "--count", 7)) == 7
    records = meterline.records("metrics", "--partition", 2)
    assert [record["offset"] for record in records] == list(range(len(records))) and {record["partition"] for record in records} == {2}
    assert list(records[0]) == ["topic", "partition", "offset", "timestamp", "key", "value", "headers"]
    assert records[0]["key"] == "{gateway}.{metricType}.{metricAttribute}".format(**records[0]["value"])
    meterline("tail", "metrics", "--partition", 9, status=1, says="4 partitions")
    tail = meterline.start("tail", "metrics", "--count", 1, "--format", "json", "--timeout", "20s")
    time.sleep(0.4)
    synthetic(meterline, "--seed", 9, "-c", 1)
    out, _ = tail.communicate(timeout=20)
    assert json.loads(out)["offset"] > 0, "without --from-beginning only what is new"


def test_track(meterline):
    synthetic(meterline)
    out, _ = meterline("track", "metrics", "--count", 100, "--from-beginning", "--format", "json")
    assert json.loads(out)["records"] >= 100
    meterline("track", "metrics", "--count", 99999, "--from-beginning", "--timeout", "300ms", status=1, says=["only 2880 of 99999", "metrics"])


def test_a_file_is_remembered(meterline):
    """Replaying it a second time is refused; what has been appended is taken up by --resume."""
    line = "g,W,F,2024-01-01T00:00:0{}Z,{}\n"
    path = meterline.file("grows.csv", "gateway,type,attribute,timestamp,value\n" + line.format(0, 10) + line.format(1, 11))
    meterline("replay", "-t", "readings", path, says="published 2 readings")
    meterline("replay", "-t", "readings", path, status=1, says=["replayed before", "2 of its readings", "--resume", "--again"])
    meterline("replay", "-t", "readings", "--resume", path, says="nothing to do")
    with open(path, "a") as file:
        file.write(line.format(2, 12) + line.format(3, 13))
    meterline("replay", "-t", "readings", "--resume", path, says="published 2 readings after the 2 before")
    assert sorted(record["value"]["value"] for record in meterline.records("metrics")) == [10, 11, 12, 13]
    meterline("replay", "-t", "readings", "--again", path, says="published 4 readings")
    assert meterline.end_offsets() == 8
    path.write_text("gateway,type,attribute,timestamp,value\n" + line.format(0, 10))
    meterline("replay", "-t", "readings", "--resume", path, status=1, says="the file has changed")


def test_a_live_feed_is_published_as_it_comes(meterline):
    """Readings of a pipe are there while it stays open, also one by one, also compressed ones."""
    head = b"gateway,type,attribute,timestamp,value\n"
    for number, packed in ((1, None), (2, zlib.compressobj(wbits=31))):
        feed = subprocess.Popen(meterline.command("replay", "-t", "readings", "-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        meterline.started.append(feed)
        for second in range(3):
            text = (head if second == 0 else b"") + f"g{number},W,F,2024-01-01T00:00:0{second}Z,{second}\n".encode()
            feed.stdin.write(packed.compress(text) + packed.flush(zlib.Z_SYNC_FLUSH) if packed else text)
            feed.stdin.flush()
            expected, until = 3 * (number - 1) + second + 1, time.monotonic() + 60
            while (meterline.data / "meterline.db").exists() is False or count(meterline) < expected:
                assert time.monotonic() < until and feed.poll() is None, f"{expected} readings are not there"
        feed.stdin.write(packed.flush() if packed else b"")
        feed.stdin.close()
        feed.stdin = None
        assert feed.wait(timeout=60) == 0, feed.stderr.read()


def count(meterline):
    done = subprocess.run(meterline.command("topics", "--format", "csv"), capture_output=True, text=True)
    rows = [row for row in csv.DictReader(io.StringIO(done.stdout)) if row["topic"] == "metrics"]
    return int(rows[0]["records"]) if rows else 0


def test_gzip_and_standard_input(meterline):
    text = "gateway,type,attribute,timestamp,value\ng,W,F,2024-01-01T00:00:00Z,1\n".encode()
    for name, content in (("plain.csv", text), ("packed.csv.gz", gzip.compress(text)), ("packed.without.name", gzip.compress(text))):
        meterline("replay", "-t", "readings", meterline.file(name, content), says="published 1 readings")
        meterline("replay", "-t", "readings", "-", input=content, says="published 1 readings")
    assert [(record["key"], record["value"]["timestamp"], record["value"]["value"]) for record in meterline.records("metrics")] == 6 * [("g.W.F", "2024-01-01T00:00:00Z", 1)]


def test_water_with_tabs_and_commas(meterline):
    rows = ["unix_ts\tcounter\tavg_rate\tinst_rate", "1333263600\t15.0\t0.25\t0.5", "1333263660\t16\t0\t1.5"]
    for name, content in (("water.tab", "\n".join(rows)), ("water.csv", "\r\n".join(rows).replace("\t", ","))):
        meterline("replay", "-t", "water", "-s", 1, "-e", 2, meterline.file(name, content), says="published 8 readings")
    meterline("run", "--final")
    (row,) = meterline.rows(3600, "--gateway", 2, "--attribute", "WATER_IDD")
    assert (row["type"], row["sampleCount"], float(row["min"]), float(row["max"])) == ("WATER", "4", 0.502, 1.502)
    (row,) = meterline.rows(3600, "--gateway", 1, "--attribute", "WATER_SUMMATION")
    assert float(row["max"]) == 16.001


def test_interrupted_replay_goes_on_with_the_command_it_names(meterline):
    words = ["replay", "-t", "electricity", "-r", "1000", "-c", "6000", str(SAMPLE)]
    replay = meterline.start(*words)
    until = time.monotonic() + 60
    while not (meterline.data / "meterline.db").exists() or not count(meterline):
        assert time.monotonic() < until and replay.poll() is None, "no readings are there"
    replay.send_signal(signal.SIGINT)
    _, err = replay.communicate(timeout=10)
    assert replay.returncode == 0 and 0 < meterline.end_offsets() < 6000, err
    (line,) = [line for line in err.splitlines() if line.startswith("to go on: meterline ")]
    meterline(*[word for word in line.split()[4:] if word not in ("--data", str(meterline.data))])
    assert meterline.end_offsets() == 6000
    values = [(record["key"], record["value"]["timestamp"]) for record in meterline.records("metrics")]
    assert len(set(values)) == 6000, "a reading was published twice"
    meterline(*words, "--resume", says="nothing to do")


@slow
def test_run_stops_within_a_second_in_the_middle_of_work(meterline):
    meterline("replay", "-t", "synthetic", "--series", 1000, "--duration", "8h", "--interval", "10s")
    run = meterline.start("run", "--workers", 2)
    time.sleep(0.4)
    began = time.monotonic()
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=10)
    assert run.returncode == 0 and time.monotonic() - began < 1, err
    metrics = meterline.metrics("--final", "--workers", 2)
    meterline.check_conservation(metrics)
    assert metrics["meterline_records_folded_total", "60"] == 1000 * 8 * 360 == sum(int(row["sampleCount"]) for row in meterline.rows(3600))


def test_readers_that_leave(meterline):
    """`tail` and SELECT .. EMIT CHANGES end when nobody reads what they print; the header stands there once."""
    meterline("replay", "-t", "synthetic", "--series", 100, "--duration", "600s")
    meterline("sql", "-e", "CREATE STREAM r (k STRING KEY, `value` DOUBLE) WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='AVRO');")
    for words in (("tail", "metrics", "--from-beginning"), ("sql", "-b", "-e", "SELECT * FROM r EMIT CHANGES;"), ("sql", "-e", "PRINT 'metrics' FROM BEGINNING;")):
        process = meterline.start(*words)
        assert process.stdout.readline(), words
        process.stdout.close()
        assert process.wait(timeout=30) == 0, words
    out, _ = meterline("tail", "metrics", "--from-beginning", "--count", 12000, "--format", "csv")
    lines = out.splitlines()
    assert len(lines) == 12001 and sum(line.startswith("topic,") for line in lines) == 1, lines[:2]
