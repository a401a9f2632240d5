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
