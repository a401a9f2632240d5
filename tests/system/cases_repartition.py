"""Windows over what goes through a repartition topic: the shipped pipeline that counts by gateway, on shipped data. What is counted depends neither on the number of
workers, nor on whether readings come live or lie there, nor on kills."""
import random
import shutil
import signal
import time

import shipped_pipelines
import sql_pipeline
from system_program import slow

UPLINKS = shipped_pipelines.PIPELINES / "uplinks.sql"
READINGS = 40000


def finish(meterline, *more, data=None):
    metrics = meterline.folder / "metrics.prom"
    meterline("run", UPLINKS, "--until-end", "--metrics", metrics, *more, data=data)
    return sql_pipeline.query_counters(metrics.read_text())


def check_counted(meterline, counters, data=None):
    """Every reading is in the last count of its gateway and window; none was late."""
    counts = {}
    for record in shipped_pipelines.in_order(meterline.records("device_uplink_count", data=data)):
        counts[record["key"]] = record["value"]["UPLINKS"]
    late = sum(value for (name, _), value in counters.items() if name == "records_late_total")
    assert sum(counts.values()) == READINGS and late == 0, f"{sum(counts.values())} of {READINGS} readings are counted, {late} are late"


def test_windows_after_a_repartition_topic_catching_up(meterline):
    meterline("replay", "-t", "electricity", "-c", READINGS, shipped_pipelines.SAMPLE)
    for workers in (1, 2, 4):
        data = meterline.path(f"data-{workers}")
        shutil.copytree(meterline.data, data)
        check_counted(meterline, finish(meterline, "--workers", workers, data=data), data)


def test_windows_after_a_repartition_topic_in_parts(meterline):
    replay = meterline.start("replay", "-t", "electricity", "-c", READINGS, "-r", 16000, shipped_pipelines.SAMPLE)
    while replay.poll() is None:
        finish(meterline, "--workers", 2)
    assert replay.returncode == 0
    check_counted(meterline, finish(meterline))


@slow
def test_windows_after_a_repartition_topic_killed(meterline):
    dice = random.Random(11)
    replay = meterline.start("replay", "-t", "electricity", "-c", READINGS, "-r", 8000, shipped_pipelines.SAMPLE)
    kills = 0
    while replay.poll() is None or kills < 5:
        run = meterline.start("run", UPLINKS, "--workers", dice.choice((1, 2, 4)))
        time.sleep(dice.uniform(0.05, 0.8))
        run.send_signal(signal.SIGKILL)
        run.communicate(timeout=60)
        kills += 1
    assert replay.returncode == 0
    check_counted(meterline, finish(meterline, "--workers", 2))


COUNTS = """CREATE STREAM S (K STRING KEY, V INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=2);
CREATE TABLE C AS SELECT V, COUNT(*) AS N FROM S GROUP BY V;"""
ROWS = "".join(f"INSERT INTO S (K, V) VALUES ('k{v}', {v});" for v in (1, 2, 3, 1, 1, 2))


def counted(meterline):
    """What stands on the topic of counts, in any order of keys."""
    return sorted(record["value"]["N"] for record in meterline.records("C"))


def test_reset_and_other_groups_count_once(meterline):
    meterline("sql", "-f", meterline.file("counts.sql", COUNTS))
    meterline("sql", "-e", ROWS)
    meterline("run", "--until-end")
    once = counted(meterline)
    assert once == [1, 1, 1, 2, 2, 3], once
    meterline("run", "--until-end", "--reset", status=1, says=["C (6 records)", "--yes"])
    meterline("run", "--until-end", "--reset", "--yes")
    assert counted(meterline) == once, "results of a reset group stand there once"
    meterline("run", "--until-end", "--group", "other", status=1, says=["group run", "topic C", "--yes"])
    meterline("run", "--until-end", "--group", "x.sql.y", status=1, says=[".sql."])
    meterline("run", "--until-end", "--group", "other", "--yes")
    assert counted(meterline) == sorted(once + once), "a group of its own counts what there is, and nothing of the other's"
    meterline("run", "--until-end")
    assert counted(meterline) == sorted(once + once)


def test_dropped_queries_leave_nothing(meterline):
    """Dropped while no run is up: the next one forgets what they have kept."""
    meterline("sql", "-f", meterline.file("counts.sql", COUNTS))
    meterline("sql", "-e", ROWS)
    meterline("run", "--until-end")
    assert "_meterline-run." in meterline("topics", "--format", "csv")[0]
    meterline("sql", "-e", "DROP TABLE C;")
    meterline("run", "--until-end")
    assert "_meterline-run." not in meterline("topics", "--format", "csv")[0], "internal topics of a dropped query"
    assert "run.sql." not in meterline("topics", "s", "--format", "csv")[0], "positions of a dropped query"
