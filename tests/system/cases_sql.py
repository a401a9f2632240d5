"""Pipelines of SQL statements: what they write, what they count, and that kills and restarts change nothing of it."""
import csv
import io
import json
import random
import shutil
import signal
import sqlite3
import time

import shipped_pipelines
import sql_pipeline
from system_program import ROOT, slow

SOURCE = ("-t", "synthetic", "--json", "--series", 40, "--interval", "5s", "--seed", 5, "--disordered", 0.05)


def written(meterline):
    return {topic: meterline.records(topic) for topic in sql_pipeline.TOPICS}


def finish(meterline, pipeline, *more):
    metrics = meterline.folder / "metrics.prom"
    meterline("run", pipeline, "--final", "--metrics", metrics, *more)
    return sql_pipeline.query_counters(metrics.read_text())


def check_counters(meterline, counters):
    """Every query has read every record of its topics, once."""
    ends = {topic: meterline.end_offsets(topic) for topic in ("metrics", "limits", "high", "totals", "minutes", "above", "alarms")}
    reads = {query.split("_")[1]: value for (name, query), value in counters.items() if name == "records_read_total"}
    writes = {query.split("_")[1]: value for (name, query), value in counters.items() if name == "records_written_total"}
    assert reads["HIGH"] == ends["metrics"] and writes["HIGH"] == ends["high"], (reads, writes, ends)
    assert reads["TOTALS"] == 2 * ends["metrics"] and writes["TOTALS"] == ends["metrics"] + ends["totals"], (reads, writes, ends)
    assert reads["MINUTES"] == ends["metrics"] and writes["MINUTES"] == ends["minutes"], (reads, writes, ends)
    assert reads["ABOVE"] == ends["metrics"] + ends["limits"] and writes["ABOVE"] == ends["above"], (reads, writes, ends)
    assert reads["ALARMS"] == ends["above"] and writes["ALARMS"] == ends["alarms"], (reads, writes, ends)
    assert not any(value for (name, _), value in counters.items() if name == "lag_records"), counters


def test_pipeline_of_queries(meterline):
    """Filter, totals over a repartition topic, windows, a join with a table, a query of its results: at once, and again with nothing to do."""
    pipeline = meterline.file("pipeline.sql", sql_pipeline.PIPELINE)
    meterline("replay", *SOURCE, "--duration", "1500s")
    check_counters(meterline, finish(meterline, pipeline, "--workers", 2))
    before = written(meterline)
    sql_pipeline.check(meterline.records("metrics"), before)
    finish(meterline, pipeline)
    sql_pipeline.same_written(written(meterline), before)


def test_pipeline_in_parts(meterline):
    """The same in several runs while readings come: what is kept lasts from run to run."""
    pipeline = meterline.file("pipeline.sql", sql_pipeline.PIPELINE)
    replay = meterline.start("replay", *SOURCE, "--duration", "1500s", "-r", 12000)
    while replay.poll() is None:
        meterline("run", pipeline, "--until-end")
    assert replay.returncode == 0
    check_counters(meterline, finish(meterline, pipeline))
    sql_pipeline.check(meterline.records("metrics"), written(meterline))


@slow
def test_pipeline_is_killed(meterline):
    """kill -9 at random moments, with one to three workers, while readings come."""
    dice = random.Random(3)
    pipeline = meterline.file("pipeline.sql", sql_pipeline.PIPELINE)
    replay = meterline.start("replay", *SOURCE, "--duration", "6000s", "-r", 6000)
    kills = 0
    while replay.poll() is None:
        run = meterline.start("run", pipeline, "--workers", dice.choice((1, 2, 3)))
        time.sleep(dice.uniform(0.05, 1.0))
        number = dice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
        run.send_signal(number)
        _, messages = run.communicate(timeout=60)
        assert run.returncode == (-number if number == signal.SIGKILL else 0), f"exit status {run.returncode}: {messages[-1500:]}"
        kills += number == signal.SIGKILL
    assert replay.returncode == 0 and kills >= 5, kills
    check_counters(meterline, finish(meterline, pipeline, "--workers", 2))
    sql_pipeline.check(meterline.records("metrics"), written(meterline))


def test_a_query_that_was_changed(meterline):
    """A statement that another one has taken the place of is told before anything is written."""
    meterline("replay", *SOURCE, "--duration", "50s")
    stream = "CREATE STREAM readings (k STRING KEY, `value` DOUBLE) WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='JSON');\n"
    pipeline = meterline.file("pipeline.sql", stream + "CREATE STREAM high AS SELECT k, `value` AS v FROM readings WHERE `value` > 1;")
    meterline("run", pipeline, "--until-end")
    before = meterline.records("HIGH")
    changed = meterline.file("changed.sql", stream + "CREATE STREAM high AS SELECT k, `value` AS v FROM readings WHERE `value` > 2;")
    _, messages = meterline("run", changed, "--until-end", status=1)
    assert "high" in messages.lower(), messages
    assert meterline.records("HIGH") == before


def test_statements_that_come_again(meterline):
    """What was dropped may be made again word for word; rows of a script that is run again are not inserted again, equal rows of one script are."""
    create = "CREATE STREAM things (k STRING KEY, v INT) WITH (KAFKA_TOPIC='things', VALUE_FORMAT='JSON', PARTITIONS=1);"
    for statement in (create, "DROP STREAM things;", create):
        meterline("sql", "-e", statement)
    assert "THINGS" in meterline("sql", "-e", "SHOW STREAMS;")[0]
    row = "INSERT INTO things (k, v) VALUES ('a', 1);"
    script = meterline.file("things.sql", "CREATE TYPE pair AS STRUCT<a INT, b INT>;" + create + row + row)
    for _ in range(2):
        meterline("sql", "-f", script)
        assert len(meterline.records("things")) == 2
    meterline("sql", "-e", row)
    assert len(meterline.records("things")) == 3
    other = row.replace("1", "2")   # said at a prompt, then by a file
    for words in (("-e", other), ("-f", meterline.file("other.sql", other))):
        meterline("sql", *words)
    assert len(meterline.records("things")) == 5


def test_many_statements(meterline):
    """All statements that were ever made are known, however many."""
    create = "CREATE STREAM s{0} (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);"
    meterline("sql", "-f", meterline.file("many.sql", "".join(create.format(i) for i in range(450))))
    listed = meterline("sql", "-e", "SHOW STREAMS;")[0]
    assert all(f"S{i}," in listed for i in range(450)), listed


def test_dropped_aggregate(meterline):
    """A table of aggregates that was dropped before the start is not computed; the others are."""
    meterline("sql", "-f", ROOT / "share/pipelines/aggregates.sql")
    meterline("sql", "-e", "DROP TABLE AGGREGATES_60;")
    meterline("replay", "-t", "synthetic", "--series", 4, "--interval", "60s", "--duration", "3600s")
    told = meterline("run", "--windows", "3600", "--final")[1]
    assert "(600 s," in told and "(3600 s," in told and "(60 s," not in told, told


LISTS = """
CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);
SET 'ksql.functions.collect_list.limit' = '2';
SET 'ksql.functions.collect_set.limit' = '3';
SET 'ksql.nested.error.set.null' = 'false';
CREATE TABLE l WITH (KAFKA_TOPIC='l', VALUE_FORMAT='JSON') AS SELECT k, COLLECT_LIST(v) AS vs, COLLECT_SET(v) AS us FROM s WHERE v > 3 GROUP BY k;
CREATE STREAM n WITH (KAFKA_TOPIC='n', VALUE_FORMAT='JSON') AS SELECT k, COALESCE(10 / (v - 4), -1) AS q FROM s;
"""


def test_settings_stay_with_their_query(meterline):
    """What was SET for a query is part of it: by a file, by the prompt, after a restart with the file and without it."""
    script = meterline.file("lists.sql", LISTS)
    values = (1, 4, 5, 6, 7)

    def insert(data, *numbers):
        meterline("sql", "-e", "".join(f"INSERT INTO s (k, v) VALUES ('a', {number});" for number in numbers), data=data)

    def check(data, *more):
        rows = [record["value"] for record in meterline.records("l", data=data)]
        kept = [v for v in values + more if v > 3]
        assert [row["VS"] for row in rows] == [kept[:min(i + 1, 2)] for i in range(len(kept))], rows
        assert [row["US"] for row in rows] == [kept[:min(i + 1, 3)] for i in range(len(kept))], rows
        rows = [record["value"]["Q"] if record["value"] else None for record in meterline.records("n", data=data)]
        assert rows == [None if v == 4 else int(10 / (v - 4)) for v in values + more], rows

    first, second = meterline.data, meterline.folder / "second"
    meterline("sql", "-e", LISTS.split(";")[0] + ";")
    insert(first, *values)
    meterline("run", "--until-end", script)
    check(first)
    insert(first, 8)
    meterline("run", "--until-end", script)     # its statements are known
    check(first, 8)
    insert(first, 9)
    meterline("run", "--until-end")             # from the log alone
    check(first, 8, 9)
    meterline("sql", "-f", script, data=second)
    insert(second, *values)
    meterline("run", "--until-end", data=second)
    check(second)


def test_settings_that_differ_are_told(meterline):
    """A query that is there already is not taken for one with other settings; values that cannot be are refused."""
    script = meterline.file("lists.sql", LISTS)
    meterline("sql", "-f", script)
    for words in (("sql", "-f"), ("run", "--until-end")):
        meterline(*words, meterline.file("other.sql", LISTS.replace("= '2'", "= '9'")), status=1,
                  says=("line 6, column", "ksql.functions.collect_list.limit = '2'", "'9' now"))
    meterline("sql", "-f", meterline.file("more.sql", "SET 'ksql.functions.collect_list.limit' = '7';" + LISTS))    # set, and set again
    for name, value in (("collect_list.limit", "two"), ("collect_set.limit", "1.5")):
        meterline("sql", "-e", f"SET 'ksql.functions.{name}' = '{value}';", status=1, says=("line 1, column", "a number of elements", value))
    meterline("sql", "-e", "SET 'ksql.nested.error.set.null' = 'maybe';", status=1, says=("'true' or 'false', not 'maybe'",))


def failing(meterline, topic, fails):
    """Makes every append to the topic fail, as a full disk would, or ends that."""
    database = sqlite3.connect(meterline.data / "meterline.db")
    partition, = database.execute("SELECT p.id FROM log_partitions p JOIN log_topics t ON p.topic = t.id WHERE t.name = ?", (topic,)).fetchone()
    if fails:
        database.execute(f"CREATE TRIGGER full BEFORE INSERT ON log_batches WHEN (NEW.id >> 44) = {partition} BEGIN SELECT RAISE(ABORT, 'no room'); END")
    else:
        database.execute("DROP TRIGGER full")
    database.commit()
    database.close()


def test_a_script_is_taken_as_a_whole(meterline):
    """What fails in the middle leaves nothing half done, and the script can be run again to its end; equal inserts are rows each."""
    create = "CREATE STREAM {0} (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{0}', VALUE_FORMAT='JSON', PARTITIONS=1);"
    row = "INSERT INTO s (k, v) VALUES ('a', 1);"
    meterline("sql", "-e", create.format("first"))
    script = meterline.file("script.sql", create.format("s") + row + row + "CREATE STREAM c WITH (KAFKA_TOPIC='c', VALUE_FORMAT='JSON') AS SELECT * FROM s;" + row)
    for words in (("sql", "-f", script), ("run", "--until-end", script), ("sql", "-e", script.read_text())):
        failing(meterline, "_meterline-commands", True)
        meterline(*words, status=1, says=("no room",))
        failing(meterline, "_meterline-commands", False)
        assert meterline.records("s") == [] and "FIRST" in meterline("sql", "-e", "SHOW STREAMS;")[0]
        assert "S," not in meterline("sql", "-e", "SHOW STREAMS;")[0]
    for times in range(2):
        meterline("run", "--until-end", script)
        assert len(meterline.records("s")) == 3
    meterline("run", "--until-end", meterline.file("longer.sql", script.read_text() + row))
    assert len(meterline.records("s")) == 4 == len(meterline.records("c"))
    # after a statement that looks at the log another part begins; the prompt knows what the log knows
    failing(meterline, "first", True)
    parts = "INSERT INTO s (k, v) VALUES ('b', 1); SHOW TOPICS; CREATE STREAM d AS SELECT * FROM s; INSERT INTO first (k, v) VALUES ('c', 1);"
    meterline("sql", "-e", parts, status=1, says=("no room",))
    assert [record["key"] for record in meterline.records("s")] == ["a"] * 4 + ["b"]
    assert "\nD," not in meterline("sql", "-e", "SHOW STREAMS;")[0]


@slow
def test_inserts_of_a_script_that_is_killed(meterline):
    """kill -9 at any moment: each row is there once in the end, and equal rows as often as the script says."""
    dice = random.Random(5)
    script = meterline.file("many.sql", "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);"
                            + "".join(f"INSERT INTO s (k, v) VALUES ('k{i // 2}', 1);" for i in range(200)))
    for _ in range(40):
        run = meterline.start("run", "-q", "--until-end", script)
        time.sleep(dice.uniform(0.005, 0.06))
        run.kill()
        run.communicate()
    meterline("run", "-q", "--until-end", script)
    assert sorted(record["key"] for record in meterline.records("s")) == sorted(f"k{i // 2}" for i in range(200))


def test_clock_and_chance_are_functions_of_the_log(meterline):
    """Windows that are rebuilt, other batches and other workers give the same: the clock is when the log took a record, chance its place in it."""
    script = meterline.file("chance.sql", """
        CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
        CREATE TABLE w WITH (KAFKA_TOPIC='w', VALUE_FORMAT='JSON') AS SELECT k, COUNT(*) AS n, SUM(UNIX_TIMESTAMP()) AS t, SUM(RANDOM()) AS r, MAX(UUID()) AS u
            FROM s WINDOW TUMBLING (SIZE 1 HOUR) WHERE RANDOM() < 0.5 AND UNIX_TIMESTAMP() - ROWTIME < 60000 GROUP BY k EMIT FINAL;
        CREATE STREAM p WITH (KAFKA_TOPIC='p', VALUE_FORMAT='JSON') AS SELECT k, UNIX_TIMESTAMP() AS t, UNIX_DATE() AS d, RANDOM() AS r, RANDOM() AS q FROM s;
        """)
    row = "INSERT INTO s (k, v) VALUES ('{0}', {1});"
    meterline("sql", "-f", script)
    begun = time.time() * 1000
    for part in range(2):
        meterline("sql", "-e", "".join(row.format(v % 3, v) for v in range(part * 20, part * 20 + 20)))
    ended = time.time() * 1000
    shutil.copytree(meterline.data, meterline.folder / "parts")
    once, parts = meterline.data, meterline.folder / "parts"
    meterline("run", "--final", data=once)
    for words in (("--until-end", "--workers", 2), ("--until-end",), ("--final",)):
        meterline("run", *words, data=parts)
    for topic in ("w", "p"):
        assert meterline.records(topic, data=once) == meterline.records(topic, data=parts) != [], topic
    rows = [record["value"] for record in meterline.records("p", data=once)]
    assert len(rows) == 40 and len({row["R"] for row in rows} | {row["Q"] for row in rows}) == 80, rows
    assert all(begun - 1 <= row["T"] <= ended + 1 and row["D"] == row["T"] // 86400000 for row in rows), rows
    asked = [json.loads(meterline("sql", "-b", "--format", "json", "-e", "SELECT UNIX_TIMESTAMP() AS t, RANDOM() AS r FROM s EMIT CHANGES LIMIT 1;", data=once)[0]) for _ in range(2)]
    assert ended - 1 < asked[0]["T"] < asked[1]["T"] <= time.time() * 1000 + 1 and asked[0]["R"] != asked[1]["R"], asked     # at the prompt they are of the moment
    windows = [record["value"] for record in meterline.records("w", data=once)]
    assert 0 < sum(window["N"] for window in windows) < 40, windows


TWO = """CREATE STREAM one (k STRING KEY, v INT) WITH (KAFKA_TOPIC='one', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE STREAM four (k STRING KEY, v INT) WITH (KAFKA_TOPIC='four', VALUE_FORMAT='JSON', PARTITIONS=4);
"""


def test_what_cannot_run_is_refused(meterline):
    """At the prompt and in a file, with line and column; nothing of it is kept."""
    join = "CREATE STREAM j AS SELECT one.k AS k, one.v AS v FROM one JOIN four WITHIN 1 HOUR ON one.k = four.k;"
    sink = "CREATE SINK CONNECTOR c WITH ('type'='{0}', 'topics'='{1}'{2});"
    cases = (
        (join, "topics that are joined need the same number of partitions: one has 1, four has 4"),
        (sink.format("webhook", "one", ""), "connector C: a webhook needs its url"),
        (sink.format("webhook", "one", ", 'url'='ftp://127.0.0.1/x'"), "the url of a webhook begins with http:// or https://"),
        (sink.format("webhook", "one", ", 'url'='http://'"), "the url of a webhook cannot be read"),
        (sink.format("webhook", "bad/topic", ", 'url'='http://127.0.0.1/x'"), "'bad/topic' cannot be a topic's name"),
        (sink.format("elastic", "one", ""), "there are no connectors of type elastic"),
        (sink.format("readings", "one", ""), "there are no connectors of type readings"),
        (sink.format("store", "nosuch", ""), "names end in -aggregates-SECONDS; nosuch is none"),
        (sink.format("store", "m-aggregates-60,,x", ""), "'topics' is a list"),
        ("CREATE STREAM cyc AS SELECT * FROM one;\n INSERT INTO one SELECT * FROM cyc;", "ONE would be filled from itself, round and round for ever, over CYC, which query CSAS_CYC_"),
        ("INSERT INTO one SELECT * FROM one;", "ONE would be filled from itself"),
    )
    for number, (statement, told) in enumerate(cases):
        for words in (("sql", "-e", TWO + statement), ("run", "--until-end", meterline.file(f"{number}.sql", TWO + statement))):
            meterline(*words, status=1, says=(f"line {3 + statement.count(chr(10))}, column ", told))
    assert meterline("sql", "-e", "SHOW STREAMS;")[0].count("\n") == 1
    meterline("sql", "-e", TWO)     # topics of an earlier script
    meterline("sql", "-e", join, status=1, says=("line 1, column", "one has 1, four has 4"))
    long = "a" * 210
    meterline("sql", "-e", f"CREATE TABLE `{long} b` WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON') AS SELECT v, COUNT(*) AS n FROM one GROUP BY v;"
              "INSERT INTO one (k, v) VALUES ('a', 1);")
    meterline("run", "--until-end")
    assert meterline.records("t")[0]["value"] == {"N": 1}


def test_one_query_that_cannot_write(meterline):
    """A record too large for its topic stops its query alone, while a run goes on: FAILED, status 1, from where it was in the next run; dropped and made anew it
    begins again. A connector that cannot work is FAILED too."""
    def states(what, key, status):
        return {row[key]: row[status] for row in csv.DictReader(io.StringIO(meterline("sql", "-e", f"SHOW {what};")[0]))}

    huge = "LPAD(`gateway`, CASE WHEN `value` > 239.5 THEN 9000000 ELSE 1 END, 'x')"
    pipeline = meterline.file("p.sql", f"""
        CREATE STREAM R (K STRING KEY, `value` DOUBLE, `gateway` STRING) WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='AVRO');
        CREATE STREAM GOOD AS SELECT K, `value` AS V FROM R;
        CREATE STREAM BAD AS SELECT K, `value` AS V, {huge} AS W, {huge} AS X FROM R;
        CREATE TABLE COUNTS AS SELECT K, COUNT(*) AS N FROM R GROUP BY K;
        CREATE SINK CONNECTOR HOOK WITH ('type'='webhook', 'url'='http://127.0.0.1:9/', 'topics'='GOOD', 'authorization.env'='METERLINE_TEST_NOT_SET');
        CREATE SINK CONNECTOR CACHE WITH ('type'='cache', 'topics'='TIMES');""")
    source = ("-t", "synthetic", "--series", 10, "--interval", "10s")
    meterline("replay", *source, "--duration", "10m", "--seed", 1)
    meterline("run", pipeline, "--until-end", status=1, says="METERLINE_TEST_NOT_SET")
    assert set(states("QUERIES", "Sink Name", "Status").values()) == {"RUNNING"}
    told = states("CONNECTORS", "connector", "status")
    assert told["HOOK"].startswith("FAILED: ") and "METERLINE_TEST_NOT_SET" in told["HOOK"] and told["CACHE"] == "RUNNING", told
    before = meterline.end_offsets("BAD")
    assert before == meterline.end_offsets("metrics")
    run = meterline.start("run", pipeline)
    meterline("replay", *source, "--duration", "1h", "--seed", 2, "--start", "2024-02-01")
    while meterline.end_offsets("GOOD") < meterline.end_offsets("metrics") or not states("QUERIES", "Sink Name", "Status")["BAD"].startswith("FAILED"):
        assert run.poll() is None
        time.sleep(0.1)
    told = states("QUERIES", "Sink Name", "Status")
    assert "bytes; at most" in told["BAD"] and told["GOOD"] == told["COUNTS"] == "RUNNING", told
    run.send_signal(signal.SIGTERM)
    run.communicate()
    assert run.returncode == 1
    end = meterline.end_offsets("BAD")
    assert before <= end < meterline.end_offsets("metrics")
    for _ in range(2):
        meterline("run", "--until-end", status=1, says=("query CSAS_BAD_", "at most"))
        assert meterline.end_offsets("BAD") == end and meterline.end_offsets("GOOD") == meterline.end_offsets("metrics")
    meterline("sql", "-e", "DROP CONNECTOR HOOK; DROP STREAM BAD DELETE TOPIC; CREATE STREAM BAD AS SELECT K, `value` AS V FROM R;")
    meterline("run", "--until-end")
    assert meterline.end_offsets("BAD") == meterline.end_offsets("metrics")
    assert set(states("QUERIES", "Sink Name", "Status").values()) == set(states("CONNECTORS", "connector", "status").values()) == {"RUNNING"}


def test_an_input_that_is_deleted(meterline):
    """A group goes on when a topic that it reads is deleted with its statement; a query that reads one that just disappears is FAILED by name, alone."""
    meterline("sql", "-e", """
        CREATE STREAM A (K STRING KEY, V INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', PARTITIONS=2);
        CREATE TABLE B (K STRING PRIMARY KEY, W INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON', PARTITIONS=2);
        CREATE STREAM O (K STRING KEY, V INT) WITH (KAFKA_TOPIC='o', VALUE_FORMAT='JSON', PARTITIONS=2);
        CREATE STREAM J AS SELECT A.K AS K, V, W FROM A JOIN B ON A.K = B.K;
        CREATE STREAM C AS SELECT K, V FROM A;
        CREATE TABLE N AS SELECT K, COUNT(*) AS N FROM A GROUP BY K;
        CREATE STREAM D AS SELECT K, V FROM O;""")

    def insert(value):
        meterline("sql", "-e", f"INSERT INTO A (K, V) VALUES ('x', {value}); INSERT INTO O (K, V) VALUES ('x', {value});")

    def values(topic, column="V"):
        return [record["value"][column] for record in meterline.records(topic)] if meterline.end_offsets(topic) else []

    def await_values(wanted, *topics):
        while not all(values(topic) == wanted for topic in topics):
            assert run.poll() is None, run.communicate()
            time.sleep(0.1)

    run = meterline.start("run")
    meterline("sql", "-e", "INSERT INTO B (K, W) VALUES ('x', 7);")
    insert(1)
    await_values([1], "C", "D")
    meterline("sql", "-e", "DROP STREAM J; DROP TABLE B DELETE TOPIC;")
    insert(2)
    await_values([1, 2], "C", "D")
    assert values("N", "N") == [1, 2]
    meterline("topics", "delete", "o", "--yes")
    while True:
        states = {row["Sink Name"]: row["Status"] for row in csv.DictReader(io.StringIO(meterline("sql", "-e", "SHOW QUERIES;")[0]))}
        if states["D"] != "RUNNING":
            break
        time.sleep(0.1)
    assert states == {"C": "RUNNING", "N": "RUNNING", "D": "FAILED: topic o, which it reads, was deleted"}, states
    meterline("sql", "-e", "INSERT INTO A (K, V) VALUES ('x', 3);")
    await_values([1, 2, 3], "C")
    run.send_signal(signal.SIGTERM)
    _, text = run.communicate()
    assert run.returncode == 1 and "topic o, which it reads, was deleted" in text, text
    meterline("sql", "-e", "DROP STREAM D; DROP STREAM O;")
    meterline("run", "--until-end")
    assert values("C") == values("N", "N") == [1, 2, 3]


def test_one_query_that_cannot_start(meterline):
    """It is FAILED, with the reason; those that share its positions wait with it, all else runs; mended, they go on where they were."""
    meterline("sql", "-e", """
        CREATE STREAM a (k STRING KEY, v INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', PARTITIONS=1);
        CREATE TABLE b (k STRING PRIMARY KEY, w INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON', PARTITIONS=1);
        CREATE STREAM c (k STRING KEY, v INT) WITH (KAFKA_TOPIC='c', VALUE_FORMAT='JSON', PARTITIONS=1);
        CREATE STREAM joined WITH (KAFKA_TOPIC='joined', VALUE_FORMAT='JSON') AS SELECT a.k AS k, v, w FROM a LEFT JOIN b ON a.k = b.k;
        CREATE STREAM copy WITH (KAFKA_TOPIC='copy', VALUE_FORMAT='JSON') AS SELECT * FROM a;""")
    insert = "INSERT INTO a (k, v) VALUES ('x', {0}); INSERT INTO c (k, v) VALUES ('x', {0});"
    meterline("sql", "-e", insert.format(1))
    meterline("run", "--until-end")

    def values(topic):
        return [record["value"]["V"] for record in meterline.records(topic)]

    def states():
        rows = csv.DictReader(io.StringIO(meterline("sql", "-e", "SHOW QUERIES;")[0]))
        return {row["Sink Kafka Topic"]: row["Status"] for row in rows}

    topics = sqlite3.connect(meterline.data / "meterline.db")
    topics.execute("UPDATE log_topics SET partitions = 2 WHERE name = 'b'")
    topics.execute("INSERT INTO log_partitions(topic, partition) SELECT id, 1 FROM log_topics WHERE name = 'b'")
    topics.commit()
    meterline("sql", "-e", insert.format(2) + "CREATE STREAM other WITH (KAFKA_TOPIC='other', VALUE_FORMAT='JSON') AS SELECT * FROM c;")
    meterline("sql", "-e", "CREATE STREAM late WITH (KAFKA_TOPIC='late', VALUE_FORMAT='JSON') AS SELECT * FROM a;")
    for _ in range(2):
        meterline("run", "--until-end", status=1, says=("query CSAS_JOINED", "does not run", "b has 2"))
        assert values("other") == values("late") == [1, 2] and values("copy") == values("joined") == [1]
    kept = meterline.end_offsets("_meterline-commands")
    told = states()
    assert told["other"] == told["late"] == "RUNNING", told
    assert told["joined"].startswith("FAILED: ") and "b has 2" in told["joined"], told
    assert told["copy"].startswith("FAILED: query CSAS_COPY_") and "waits for query CSAS_JOINED_" in told["copy"], told
    topics.execute("UPDATE log_topics SET partitions = 1 WHERE name = 'b'")
    topics.execute("DELETE FROM log_partitions WHERE partition = 1 AND topic = (SELECT id FROM log_topics WHERE name = 'b')")
    topics.commit()
    for _ in range(2):
        meterline("run", "--until-end")
        assert values("other") == values("late") == values("copy") == values("joined") == [1, 2]
    assert set(states().values()) == {"RUNNING"}
    assert meterline.end_offsets("_meterline-commands") == kept + 2, "news of a query is told once"


def test_a_topic_that_is_deleted_while_it_is_written(meterline):
    """DROP .. DELETE TOPIC under load ends that query and nothing else; a topic that was deleted without a statement makes its query FAILED."""
    declare = "CREATE STREAM readings (k STRING KEY, `value` DOUBLE) WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='JSON');"
    copy = "CREATE STREAM copy{0} WITH (KAFKA_TOPIC='copy{0}', VALUE_FORMAT='JSON') AS SELECT * FROM readings;"
    meterline("replay", *SOURCE, "--duration", "60s")
    meterline("sql", "-e", declare + copy.format("") + "CREATE TABLE counts WITH (KAFKA_TOPIC='counts', VALUE_FORMAT='JSON') AS SELECT k, COUNT(*) AS n FROM readings GROUP BY k;"
              + "".join(copy.format(i) for i in range(6)))
    run = meterline.start("run", "-j", 2)
    replay = meterline.start("replay", *SOURCE, "--duration", "4000s", "-r", 12000, "--again")

    def written(topic):
        try:
            return meterline.end_offsets(topic) > 0
        except AssertionError:
            return False

    for i in range(6):
        while not written(f"copy{i}"):
            assert run.poll() is None and replay.poll() is None, run.communicate()
        if i < 5:
            meterline("sql", "-e", f"DROP STREAM copy{i} DELETE TOPIC;")
        else:
            meterline("topics", "delete", f"copy{i}", "--yes")
        assert run.poll() is None, run.communicate()
    assert replay.wait(timeout=120) == 0
    while "FAILED: topic copy5 was deleted while it was written to" not in meterline("sql", "-e", "SHOW QUERIES;")[0]:
        meterline("replay", *SOURCE, "--duration", "20s", "--again")    # it is missed when there is something to write
        assert run.poll() is None, run.communicate()
    run.send_signal(signal.SIGTERM)
    told = run.communicate()[1]
    assert run.returncode == 1 and told.count("does not run, all else goes on") == 1 and "goes back to the committed positions" in told, told
    meterline("run", "--until-end")
    readings = meterline.end_offsets("metrics")
    assert meterline.end_offsets("copy") == meterline.end_offsets("copy5") == readings
    last = {record["key"]: record["value"]["N"] for record in meterline.records("counts")}
    assert sum(last.values()) == readings
    names = meterline("topics", "--format", "csv")[0]
    assert "copy,".replace(",", "") in names and not any(f"copy{i}" in names for i in range(5)), names


def test_two_runs_of_a_group(meterline):
    """The second is refused at once, with the way out, and the first goes on; another group may run, and the same one after kill -9."""
    first = meterline.start("run", "-v")
    while "is ours" not in first.stderr.readline():
        assert first.poll() is None
    for words in ((), ("--reset",), ("--until-end",)):
        meterline("run", *words, status=1, says=("group run already runs on ", f"in process {first.pid}: stop that one", "--group NAME"))
    meterline("run", "--group", "other", "--until-end")
    assert first.poll() is None
    first.kill()
    first.wait()
    meterline("run", "--until-end")


def test_the_only_query_that_cannot_start(meterline):
    """A run that has nothing else to do ends at once, also without --until-end."""
    meterline("sql", "-e", TWO.replace("PARTITIONS=4", "PARTITIONS=1") + "CREATE STREAM j AS SELECT one.k AS k, one.v AS v FROM one JOIN four WITHIN 1 HOUR ON one.k = four.k;")
    topics = sqlite3.connect(meterline.data / "meterline.db")
    topics.execute("UPDATE log_topics SET partitions = 2 WHERE name = 'one'")
    topics.execute("INSERT INTO log_partitions(topic, partition) SELECT id, 1 FROM log_topics WHERE name = 'one'")
    topics.commit()
    meterline("run", meterline.file("nothing.sql", "-- nothing"), status=1, says=("query CSAS_J_1 does not run", "one has 2"))


def test_shipped_pipelines(meterline):
    """Every pipeline of share/pipelines at once, declared at the prompt, on real data."""
    shipped_pipelines.check(meterline, shipped_pipelines.run_all(meterline))


FORMATS = """
SET 'ksql.persistence.default.format.key' = 'JSON';
SET 'ksql.persistence.default.format.value' = 'DELIMITED';
SET 'ksql.output.topic.name.prefix' = 'made-';
SET 'ksql.timestamp.throw.on.invalid' = 'true';
CREATE STREAM s (k STRING KEY, v INT, t STRING) WITH (KAFKA_TOPIC='s', PARTITIONS=1, TIMESTAMP='t', TIMESTAMP_FORMAT='yyyy-MM-dd');
CREATE STREAM o WITH (VALUE_FORMAT='JSON') AS SELECT k, v FROM s;
"""


def test_formats_stay_with_their_statements(meterline):
    """Formats, prefix and strictness that were SET mean the same after a restart without the file; what breaks the strict rule fails the query alone."""
    meterline("sql", "-f", meterline.file("formats.sql", FORMATS))
    for number, day in enumerate(("2020-01-01", "2020-01-02")):
        meterline("sql", "-e", f"INSERT INTO s (k, v, t) VALUES ('a', {number}, '{day}');")
        meterline("run", "--until-end")
    assert [record["value"] for record in meterline.records("made-O")] == [{"V": 0}, {"V": 1}]
    out, _ = meterline("sql", "-e", "DESCRIBE s EXTENDED;")
    assert "Key format,JSON" in out and "Value format,DELIMITED" in out, out
    meterline("sql", "-f", meterline.file("other.sql", FORMATS.replace("made-", "other-")), status=1, says=("made-", "other-"))
    meterline("sql", "-e", "CREATE STREAM raw (k STRING KEY, v INT, t STRING) WITH (KAFKA_TOPIC='s', KEY_FORMAT='JSON', VALUE_FORMAT='DELIMITED');"
              "INSERT INTO raw (k, v, t) VALUES ('a', 2, 'soon');")
    meterline("run", "--until-end", status=1, says=("'soon' is no time", "ksql.timestamp.throw.on.invalid"))
    assert len(meterline.records("made-O")) == 2


def test_rows_by_key(meterline):
    """A SELECT by key finds its rows by an index of the topic, which follows it, is private, and may be lost."""
    index = meterline.data / "key-index"
    meterline("sql", "-e", "CREATE TABLE t (k STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=2);"
              + "".join(f"INSERT INTO t VALUES ('key {number % 50}', {number});" for number in range(120)))

    def rows(where):
        out, _ = meterline("sql", "--format", "csv", "-e", f"SELECT k, v FROM t {where};")
        return sorted(tuple(row) for row in list(csv.reader(io.StringIO(out)))[1:])

    assert rows("WHERE k = 'key 7'") == [("key 7", "107")]
    assert index.is_dir() and index.stat().st_mode & 0o077 == 0
    assert rows("WHERE k IN ('key 30', 'key 19', 'none')") == [("key 19", "119"), ("key 30", "80")]
    assert rows("WHERE k > 'key 8'") == rows("WHERE k > 'key 8' OR v < 0") == [("key 9", "109")]
    meterline("sql", "-e", "INSERT INTO t VALUES ('key 7', 7);")
    assert rows("WHERE k = 'key 7'") == [("key 7", "7")]
    shutil.rmtree(index)
    assert rows("WHERE k = 'key 7'") == [("key 7", "7")]
    meterline("sql", "-e", "DROP TABLE t DELETE TOPIC; CREATE TABLE t (k STRING PRIMARY KEY, v INT) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=2); "
              "INSERT INTO t VALUES ('key 8', 1);")
    assert rows("WHERE k = 'key 7'") == [] and rows("WHERE k = 'key 8'") == [("key 8", "1")]
