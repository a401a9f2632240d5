"""Pipelines of SQL statements: what they write, what they count, and that kills and restarts change nothing of it."""
import random
import shutil
import signal
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
    windows = [record["value"] for record in meterline.records("w", data=once)]
    assert 0 < sum(window["N"] for window in windows) < 40, windows


def test_connector_that_cannot_run(meterline):
    """A running program tells of a connector that it does not have, and goes on."""
    run = meterline.start("run", "-v")
    while "is ours" not in run.stderr.readline():   # it follows the statements from now on
        assert run.poll() is None
    meterline("sql", "-e", "CREATE SINK CONNECTOR far WITH ('type'='lake', 'topics'='metrics');")
    told = run.stderr.readline()
    while "lake" not in told:
        assert run.poll() is None, told
        told += run.stderr.readline()
    run.send_signal(signal.SIGTERM)
    told += run.communicate()[1]
    assert run.returncode == 0, told


def test_shipped_pipelines(meterline):
    """Every pipeline of share/pipelines at once, declared at the prompt, on real data."""
    shipped_pipelines.check(meterline, shipped_pipelines.run_all(meterline))
