"""What is Kafka's own: topics as they are made, records as others read them, positions and lag, metrics, resumed replays."""
import json
import re
import signal
import time

from program import QUICK, WINDOWS, oracle

SOURCE = ("-t", "synthetic", "--series", 40, "--interval", "5s", "--seed", 7, "--disordered", 0.05, "--late", 0.002, "--bad", 0.001)


def test_topics_are_made_as_documented(meterline):
    meterline("replay", *SOURCE, "--duration", "10m")
    meterline("run", "--final")
    topics = meterline.topics()
    assert set(topics) == {"metrics", "metrics-late", "metrics-rejected", *(f"metrics-aggregates-{window}" for window in WINDOWS)}
    assert all(topic["partitions"] == 4 for topic in topics.values())
    assert topics["metrics-aggregates-60"]["retentionTime"] == -1 and topics["metrics"]["retentionTime"] == 7 * 86400 * 1000
    meterline("topics", "create", "more", "--partitions", 7, "--retention-time", "2d")
    meterline("topics", "alter", "more", "--retention-time", "3d")
    meterline.wait_for(lambda: meterline.topics()["more"]["retentionTime"] == 3 * 86400 * 1000, "the broker has the new setting", 20)
    meterline("topics", "create", "more", status=1, says="exists already")
    meterline("topics", "create", "m ore", status=1, says="cannot be a topic's name")
    meterline("topics", "create", "wide", "--replication", 3, status=1, says="topic wide")
    meterline("topics", "delete", "more", "--yes")
    meterline("topics", "delete", "more", status=1, says="does not exist")
    meterline("tail", "metric", status=1, says="did you mean metrics?")


def test_records_are_what_kcat_reads(meterline):
    meterline("replay", *SOURCE, "--duration", "10m")
    meterline("run", "--final")
    keys = {}
    for line in meterline.kcat("-C", "-t", "metrics", "-e", "-q", "-f", "%p\t%k\t%S\t%T\n").decode().splitlines():
        partition, key, size, timestamp = line.split("\t")
        keys.setdefault(key, set()).add(int(partition))
        assert abs(int(timestamp) / 1000 - time.time()) < 300
    for key, partitions in keys.items():
        if key != "another.METER.KEY":
            assert partitions == {oracle.partition_of(key.split("."))}, f"{key} is on {partitions}"
    first = meterline.kcat("-C", "-t", "metrics", "-c", 1, "-e", "-q", "-f", "%s")
    assert first[0] == 0 and 0 < int.from_bytes(first[1:5], "big") < 1000, "Confluent's wire format: byte 0, schema id"
    for records in meterline.results()[60].values():
        key, text = records[0]
        value = json.loads(text)
        assert list(value) == ["windowStart", "windowEnd", "sampleCount", "min", "max", "sum", "average", "metricType", "metricAttribute", "gateway"]
        assert key == f"{value['gateway']}.{value['metricType']}.{value['metricAttribute']}"


def test_position_and_lag(meterline):
    meterline("replay", *SOURCE, "--duration", "10m")
    meterline("run", "--until-end", "--group", "g1")
    assert meterline.lag("g1") == 0
    meterline("replay", *SOURCE, "--duration", "20m", "--resume")
    assert meterline.lag("g1") == 0 or meterline.lag("g1") > 1000
    out = meterline.kcat("-C", "-t", "metrics", "-e", "-q", "-f", "x").count(b"x")
    assert 0 < meterline.lag("g1") <= out
    meterline("run", "--until-end", "--group", "g1")
    assert meterline.lag("g1") == 0
    meterline("run", "--until-end", "--group", "g1", "--windows", "60", "--grace", "1h", status=1, says=["--reset"])
    meterline("run", "--until-end", "--group", "g1", "--windows", "60", "--grace", "1h", "--reset", "--yes")


def test_metrics(meterline):
    meterline("replay", *SOURCE, "--duration", "10m")
    path = meterline.folder / "m"
    meterline("run", "--final", "--metrics", path)
    values = dict(line.rsplit(" ", 1) for line in path.read_text().splitlines() if "{" not in line and not line.startswith("#"))
    assert int(values["meterline_transactions_total"]) >= 1 and int(values["meterline_transactions_aborted_total"]) == 0
    assert int(values["meterline_rebalances_total"]) >= 1 and int(values["meterline_registry_requests_total"]) >= 1
    assert 'meterline_lag_records{query="AGGREGATES_60",window="60"} 0' in path.read_text()


def killed(meterline, seconds, *words):
    process = meterline.start(*words)
    try:
        process.communicate(timeout=seconds)
    except Exception:  # noqa: BLE001 - still running: that is what was wanted
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    return False


def test_replay_resumes_where_its_transaction_says(meterline):
    """Killed at several moments; every reading is published once, in the order of the source."""
    hits = sum(killed(meterline, 0.25 + 0.1 * i, "replay", *SOURCE, "--duration", "3000s", "-r", 8000, "--resume") for i in range(5))
    meterline("replay", *SOURCE, "--duration", "3000s", "--resume")
    assert hits >= 3, "the replay was done before it could be killed"
    published = meterline.records("metrics")
    meterline("replay", *SOURCE, "--duration", "3000s", "--topic", "whole")
    whole = meterline.records("whole")
    assert len(published) == len(whole)
    for partition in range(4):
        mine = [(r["key"], r["value"]) for r in published if r["partition"] == partition]
        assert mine == [(r["key"], r["value"]) for r in whole if r["partition"] == partition]


def test_second_replay_of_a_source_fences_the_first(meterline):
    first = meterline.start("replay", *SOURCE, "--duration", "3000s", "-r", 2000)
    meterline.wait_for(lambda: meterline.topics().get("metrics", {"offsets": 0})["offsets"] > 100, "the first replay publishes")
    second = meterline.start("replay", *SOURCE, "--duration", "3000s", "-r", 2000)
    _, text = first.communicate(timeout=30)
    assert first.returncode == 1 and "another" in text and "stop one of them" in text, text
    second.send_signal(signal.SIGTERM)
    second.communicate(timeout=30)
    assert second.returncode == 0


def test_at_least_once(meterline):
    meterline("replay", *SOURCE, "--duration", "30m")
    meterline("run", "--final", "--delivery", "at-least-once")
    meterline.check_results(oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300))
    assert meterline.lag("run") == 0


def test_two_instances_share_the_partitions(meterline):
    """--until-end of several instances: each result is there once, and the counters of both add up."""
    meterline("replay", *SOURCE, "--duration", "1h")
    both = [meterline.start("run", "--group", "two", *QUICK, "-v") for _ in range(2)]
    meterline.wait_for(lambda: meterline.lag("two") == 0, "all is read")
    read = 0
    for process in both:
        process.send_signal(signal.SIGTERM)
        _, text = process.communicate(timeout=30)
        assert process.returncode == 0, text
        read += int(re.search(r"read (\d+) =", text).group(1))
    assert read == meterline.end_offsets()
    meterline("run", "--group", "two", "--final")
    meterline.check_results(oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300))
