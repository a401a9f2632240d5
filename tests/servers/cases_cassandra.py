"""The store on a real Cassandra: the same rows as in the embedded store, whatever the server does meanwhile."""
import csv
import io
import os
import pathlib
import signal
import time

from system_program import SAMPLE, oracle

WINDOWS = (60, 600, 3600, 86400)
SOURCE = ("-t", "synthetic", "--series", 200, "--interval", "10s", "--duration", "4h", "--seed", 5, "--disordered", 0.05, "--late", 0.005, "--bad", 0.002)
DURABLE = {"commitlog_sync": "group", "commitlog_sync_group_window": "10ms", "commitlog_sync_period": None}   # what was acknowledged outlives a kill
ONE = ("-X", "cassandra.consistency=ONE")
LONG = 60 if os.environ.get("METERLINE_LONG") else 4   # seconds without the server


def store(cassandra, keyspace, *more):
    return ("--store", f"{cassandra.url}/{keyspace}", *ONE, *more)


def store_counters(path):
    """What --metrics says of the store: name (with labels) -> number."""
    return {line.rsplit(" ", 1)[0].removeprefix("meterline_store_"): float(line.rsplit(" ", 1)[1])
            for line in path.read_text().splitlines() if line.startswith("meterline_store_")}


def same_rows(meterline, words, group="embedded"):
    """The embedded store, filled from the same topic, gives the same answers byte by byte."""
    meterline("run", "--final", "--group", group)
    for window in WINDOWS:
        mine, theirs = meterline.query(window), meterline.query(window, *words)
        assert mine.count("\n") > 1 and mine == theirs, f"{window} s: {theirs.count(chr(10))} rows, embedded {mine.count(chr(10))}"


def test_all_rows_equal_the_oracle(meterline, cassandra):
    """The sample of real data, four sizes: by `query`, and by a client that is not ours."""
    words = store(cassandra, "sample")
    meterline("replay", "-t", "electricity", "-s", 0, "-e", 1, SAMPLE)
    metrics = meterline.folder / "metrics"
    meterline("run", "--final", "--metrics", metrics, *words)
    answer = oracle.fold(oracle.raw_readings("electricity", SAMPLE, 0, 1), WINDOWS, 300)
    for window in WINDOWS:
        path = meterline.file("rows.csv", meterline.query(window, *words))
        difference = oracle.difference(answer.rows(window), oracle.parsed(path)[1])
        assert not difference, f"{window} s: {difference}"
    counters = store_counters(metrics)
    assert counters["rows_written_total"] == sum(len(answer.rows(window)) for window in WINDOWS)
    assert 0 < counters["requests_total"] == counters["latency_seconds_count"] < counters["rows_written_total"] and counters["in_flight"] == counters["retries_total"] == 0
    assert not any(number for name, number in counters.items() if name.startswith("errors_total")), counters
    rows = {(row["gateway"], row["metric"], row["attribute"], oracle.iso(row["start"])): row for row in
            cassandra.query("SELECT gateway, metric, attribute, blobasbigint(timestampasblob(windowstart)) AS start, samplecount, min, max, sum, avg, revision"
                            " FROM sample.metrics_aggregates_3600")}
    expected = answer.rows(3600)
    assert len(rows) == len(expected)
    for gateway, kind, attribute, start, _, count, low, high, total, average in expected:
        row = rows[gateway, kind, attribute, start]
        assert (row["samplecount"], row["min"], row["max"], row["sum"], row["avg"], row["revision"]) == (count, low, high, total, average, 0)


def test_questions(meterline, cassandra):
    """Ranges, limits and order over buckets are those of the embedded store."""
    words = store(cassandra, "questions")
    meterline("replay", *SOURCE)
    meterline("run", "--final", *words)
    same_rows(meterline, words)
    series = ("--gateway", 3, "--type", "ELECTRICITY", "--attribute", "VOLTAGE")
    for more in ((*series, "--from", "2024-01-01T01:00:00Z", "--to", "2024-01-01T02:30:00Z"), ("--gateway", 7, "--order", "desc"), ("--attribute", "INTENSITY", "--limit", 17),
                 (*series, "--order", "desc", "--limit", 5), (*series, "--to", "2024-01-01T00:00:00Z"), ("--gateway", "nobody")):
        for window in WINDOWS:
            assert meterline.query(window, *more) == meterline.query(window, *words, *more), f"{window} s: {more}"
    for more in (("--gateway", 7), ("--attribute", "INTENSITY")):   # less room in the client than partitions are asked for at once
        assert meterline.query(600, *more) == meterline.query(600, *words, "-X", "cassandra.requests.in.flight=2", *more)
    meterline("query", "--window", 61, *words, status=1, says="but of 60, 600, 3600, 86400")


def test_server_stopped_and_back(meterline, cassandra):
    """While the store is away the aggregator goes on, and the sink waits; then nothing is lost or doubled."""
    words = store(cassandra, "away")
    metrics = meterline.folder / "metrics"
    replay = meterline.start("replay", *SOURCE, "-r", 20000)
    run = meterline.start("run", "--metrics", metrics, *words)
    time.sleep(3)
    cassandra.stop_node()
    time.sleep(LONG)
    results = meterline.end_offsets("metrics-aggregates-60")
    assert results > 1000, "the aggregator has stopped too"
    cassandra.start_node()
    replay.communicate(timeout=100)
    run.send_signal(signal.SIGTERM)
    _, text = run.communicate(timeout=100)
    assert run.returncode == 0 and "is waiting" in text, text
    assert store_counters(metrics)['errors_total{kind="connection"}'] > 0
    meterline("run", "--final", *words)
    same_rows(meterline, words)


def test_server_killed_and_restarted(meterline, cassandra):
    words = store(cassandra, "killed")
    replay = meterline.start("replay", *SOURCE, "-r", 25000)
    run = meterline.start("run", *words)
    time.sleep(3)
    cassandra.kill_node()
    cassandra.start_node()
    replay.communicate(timeout=100)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=100)
    assert run.returncode == 0
    meterline("run", "--final", *words)
    same_rows(meterline, words)


def test_kill_the_run(meterline, cassandra):
    words = store(cassandra, "kills")
    meterline("replay", *SOURCE)
    for i in range(5):
        run = meterline.start("run", *words)
        time.sleep(0.4 + 0.3 * i)
        run.kill()
        run.communicate()
    meterline("run", "--final", *words)
    same_rows(meterline, words)


def test_slow_server_pushes_back(meterline, cassandra):
    words = store(cassandra, "slow", "-X", "cassandra.request.timeout.ms=3000")
    meterline("replay", *SOURCE)
    run = meterline.start("run", *words)
    time.sleep(1.5)
    cassandra.pause_node()
    time.sleep(6)
    (peak,) = [int(line.split()[1]) for line in pathlib.Path(f"/proc/{run.pid}/status").read_text().splitlines() if line.startswith("VmHWM:")]
    cassandra.resume_node()
    time.sleep(2)
    assert peak < 256 * 1024, f"{peak} KiB while the server is slow"
    run.send_signal(signal.SIGTERM)
    _, text = run.communicate(timeout=60)
    assert run.returncode == 0, text
    meterline("run", "--final", *words)
    same_rows(meterline, words)


def test_tables_of_the_original(meterline, cassandra):
    """Without sum and revision: read as they are; written to after the columns were added. A table of another shape is an error that shows both."""
    cassandra.query("CREATE KEYSPACE original WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}")
    cassandra.query("CREATE TABLE original.metrics_aggregates_3600(gateway text, metric text, attribute text, bucket timestamp, windowstart timestamp, min double, max double, avg double,"
                    " samplecount bigint, PRIMARY KEY((gateway, metric, attribute, bucket), windowstart)) WITH CLUSTERING ORDER BY (windowstart DESC)")
    cassandra.query("INSERT INTO original.metrics_aggregates_3600(gateway, metric, attribute, bucket, windowstart, min, max, avg, samplecount)"
                    " VALUES('g', 'WATER', 'FLOW', '2007-01-01', '2007-01-31T05:00:00Z', 1, 3, 2, 4)")
    words = store(cassandra, "original")
    (row,) = csv.DictReader(io.StringIO(meterline.query(3600, *words)))
    assert (row["windowStart"], row["sampleCount"], row["sum"], row["average"]) == ("2007-01-31T05:00:00Z", "4", "8", "2")
    for kind, window in (("date", 600), ("text", 120)):   # of earlier versions, and by hand
        cassandra.query(f"CREATE TABLE original.metrics_aggregates_{window}(gateway text, metric text, attribute text, bucket {kind}, windowstart timestamp, min double, max double,"
                        " avg double, samplecount bigint, PRIMARY KEY((gateway, metric, attribute, bucket), windowstart)) WITH CLUSTERING ORDER BY (windowstart DESC)")
    (row,) = csv.DictReader(io.StringIO(meterline.query(3600, *words, "--gateway", "g", "--type", "WATER", "--attribute", "FLOW", "--from", "2007-01-31", "--to", "2007-02-01")))
    assert row["min"] == "1"
    meterline("replay", *SOURCE)
    meterline("run", "--final", "--windows", "120,600,3600", *words)
    for window in (120, 600, 3600):
        mine = meterline.query(window, *words, "--gateway", 3)
        meterline("run", "--final", "--windows", "120,600,3600", "--group", "embedded")
        assert mine.count("\n") > 4 and mine == meterline.query(window, "--gateway", 3), window
    buckets = {row["bucket"] for row in cassandra.query("SELECT DISTINCT gateway, metric, attribute, blobasbigint(timestampasblob(bucket)) AS bucket FROM original.metrics_aggregates_3600")}
    assert buckets == {1167609600000, 1701388800000, 1704067200000}, buckets   # first days of January 2007, of December 2023 (late readings) and of January 2024
    cassandra.query("CREATE TABLE original.metrics_aggregates_60(id int PRIMARY KEY, v text)")
    meterline("run", "--final", "--windows", "60", "--group", "other", *words, status=1, says=["another shape", "id int", "windowstart timestamp"])
    meterline("query", "--window", 60, *words, status=1, says="another shape")


def test_wrong_settings(meterline, cassandra):
    url = cassandra.url
    meterline("query", "--store", f"{url}/nowhere", status=1)
    for words, says in (((url,), "a keyspace must follow"), ((f"{url}/UPPER",), "a keyspace must follow"), (("cassandra://x@h/k",), "expected USER:PASSWORD@"),
                        (("cassandra://h:0/k",), "HOST:PORT"), ((f"{url}/k", "-X", "cassandra.consistency=MOST"), "consistency level"),
                        ((f"{url}/k", "-X", "cassandra.consistancy=ONE"), "did you mean cassandra.consistency"), ((f"{url}/k", "-X", "cassandra.ttl=0s"), "'0s' is not a time to live"),
                        ((f"{url}/k", "-X", "cassandra.ttl=long"), "-X cassandra.ttl: 'long' is not a duration"),
                        ((f"{url}/k", "-X", "cassandra.ssl.ca.location=/nonexistent"), "/nonexistent")):
        meterline("query", "--store", *words, status=1, says=says)
    meterline("query", "--store", "cassandra://127.0.0.1:1/k", status=1, says="127.0.0.1:1")


def test_time_to_live(meterline, cassandra):
    words = store(cassandra, "ttl", "-X", "cassandra.ttl.60=30d", "-X", "cassandra.ttl=400d")
    meterline("replay", *SOURCE)
    meterline("run", "--final", *words)
    seen = {row["table_name"]: row["default_time_to_live"] for row in cassandra.query("SELECT table_name, default_time_to_live FROM system_schema.tables WHERE keyspace_name='ttl'")}
    assert seen == {"metrics_aggregates_60": 30 * 86400, **{f"metrics_aggregates_{window}": 400 * 86400 for window in WINDOWS[1:]}}
