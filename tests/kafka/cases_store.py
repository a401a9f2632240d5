"""Rows of an embedded store beside Kafka: handed over by the queries that write them, read from the topics when they come from elsewhere."""
import json
import random
import re
import signal
import time

from program import QUICK, WINDOWS, oracle

SOURCE = ("-t", "synthetic", "--series", 40, "--interval", "5s", "--seed", 3, "--disordered", 0.05, "--late", 0.01)


def taken(text):
    """{topic: (records read, commits handed over)} of the sinks of a run with -v."""
    found = re.findall(r"the store sink of (\S+): (\d+) records read, (\d+) commits", text)
    return {topic: (int(read), int(handed)) for topic, read, handed in found}


def store_lag(meterline, group="run", window=60):
    """Records of the results that the store's sink has not committed; None: it has no position yet."""
    topic = f"metrics-aggregates-{window}"
    if topic not in meterline.topics():
        return None
    out, _ = meterline("topics", topic, "--format", "json")
    lags = [row["lag"] for row in map(json.loads, out.splitlines()) if row.get("group") == f"{group}.store-{window}"]
    return sum(lags) if len(lags) == 4 else None


def answer_of(meterline):
    return oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300)


def test_rows_are_handed_over(meterline):
    """What a run writes is not read back once its sinks are there; to another store all is read."""
    meterline("replay", *SOURCE, "--duration", "1h")
    run = meterline.start("run", "-v", *QUICK)
    meterline.wait_for(lambda: store_lag(meterline) == 0, "what was written before the sinks were there is brought")
    before = len(meterline.records("metrics-aggregates-60"))
    meterline("replay", *SOURCE, "--duration", "3h", "--start", "2025-02-01")
    meterline.wait_for(lambda: len(meterline.records("metrics-aggregates-60")) > 2 * before and store_lag(meterline) == 0, "the rest is brought")
    run.send_signal(signal.SIGTERM)
    _, text = run.communicate(timeout=60)
    read, handed = taken(text)["metrics-aggregates-60"]
    assert handed > 0 and read <= before, (taken(text), before)
    meterline("run", "--final")
    answer = answer_of(meterline)
    meterline.check_results(answer)
    meterline.check_store(answer)
    words = ("--store", f"sqlite:{meterline.folder / 'second'}", "--group", "second", "--yes")
    _, text = meterline("run", "--until-end", "-v", *words)
    assert taken(text)["metrics-aggregates-60"][0] > 0, taken(text)
    assert meterline("query", "--window", 60, "--format", "csv", *words[:2])[0] == meterline.query(60)


def test_two_instances_and_kills_with_one_store(meterline):
    """Instances come, go and are killed while partitions move between them: the store that they share has each result once they have ended, and no other."""
    meterline("topics", "create", "metrics")
    shared = ("--store", f"sqlite:{meterline.folder / 'shared'}", "--group", "shared", *QUICK)
    replay = meterline.start("replay", *SOURCE, "--duration", "6h", "-r", 6000)
    dice, running = random.Random(7), [meterline.start("run", *shared)]
    while replay.poll() is None:
        running.append(meterline.start("run", *shared))
        time.sleep(dice.uniform(0.5, 3))
        process = running.pop(dice.randrange(len(running)))
        process.send_signal(dice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
        process.communicate(timeout=60)
    assert replay.returncode == 0
    for process in running:
        process.kill()
        process.communicate(timeout=60)
    meterline("run", "--final", *shared)
    answer = answer_of(meterline)
    meterline.check_results(answer)
    for window in WINDOWS:
        path = meterline.folder / "actual.csv"
        path.write_text(meterline("query", "--window", window, "--format", "csv", *shared[:2])[0])
        difference = oracle.difference(answer.rows(window), oracle.parsed(path)[1])
        assert not difference, f"the store, {window} s: {difference}"


def test_reset_brings_all_again(meterline):
    """Results that are made anew take the place of the old ones."""
    meterline("replay", *SOURCE, "--duration", "1h")
    meterline("run", "--final")
    answer = answer_of(meterline)
    meterline.check_store(answer)
    meterline("run", "--final", "--reset", "--yes")
    meterline.check_results(answer)
    meterline.check_store(answer)
