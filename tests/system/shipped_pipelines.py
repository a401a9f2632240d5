"""The shipped pipelines on real data, one test body for both logs: what they write is what a fold of the topic of readings in Python gives."""
import collections
import pathlib

import sql_pipeline
import system_program

PIPELINES = system_program.ROOT / "share/pipelines"
SAMPLE = system_program.ROOT / "share/sample/household_power_consumption.txt.gz"
READINGS = 6000
THRESHOLDS = {"0.ELECTRICITY.VOLTAGE": (237.0, 240.0), "1.ELECTRICITY.ACTIVE_POWER": (None, 2.0)}
WINDOW = 300   # seconds


def number(value):
    return "NULL" if value is None else f"{value:.1f}"


def run_all(meterline, *more):
    """Real readings, thresholds, then every pipeline to its end."""
    meterline("replay", "-t", "electricity", "-s", 0, "-e", 1, "-c", READINGS, SAMPLE)
    inserts = " ".join(f"INSERT INTO ALARM_THRESHOLDS (SERIES, MIN_VALUE, MAX_VALUE) VALUES ('{key}', {number(low)}, {number(high)});" for key, (low, high) in THRESHOLDS.items())
    meterline("sql", "-f", PIPELINES / "alarms.sql")
    meterline("sql", "-e", inserts)
    for name in ("aggregates", "copy", "filter", "counts", "uplinks", "latest"):
        meterline("sql", "-f", PIPELINES / f"{name}.sql")
    metrics = meterline.folder / "metrics.prom"
    meterline("run", PIPELINES / "aggregates.sql", "--final", "--metrics", metrics, *more)
    return sql_pipeline.query_counters(metrics.read_text())


def in_order(records):
    """By partition, as they stand there."""
    return sorted(records, key=lambda record: (record["partition"], record["offset"]))


def values(records):
    return [(record["partition"], record["key"], record["value"]) for record in in_order(records)]


def same(what, actual, expected):
    if actual != expected:
        pairs = [(a, e) for a, e in zip(actual, expected) if a != e][:1] if isinstance(actual, list) else {key for key in actual.keys() | expected.keys() if actual.get(key) != expected.get(key)}
        raise AssertionError(f"{what}: {len(actual)} of {len(expected)}, the first that differ: {pairs}")


def last(records):
    """The newest value of each key: an older record stands before a newer one in its partition."""
    return {record["key"]: record["value"] for record in in_order(records)}


def check(meterline, counters):
    metrics = in_order(meterline.records("metrics"))
    assert len(metrics) == READINGS
    same("metrics-json", values(meterline.records("metrics-json")), values(metrics))
    for topic, keep in (("metrics-gateway-0", lambda v: v["gateway"] == "0"), ("metrics-voltage", lambda v: v["metricAttribute"] == "VOLTAGE")):
        same(topic, values(meterline.records(topic)), values(record for record in metrics if keep(record["value"])))
    check_alarms(meterline, metrics)
    check_tables(meterline, metrics)
    check_uplinks(meterline, metrics, counters)


def check_alarms(meterline, metrics):
    expected = []
    for record in metrics:
        low, high = THRESHOLDS.get(record["key"], (None, None))
        value = record["value"]["value"]
        kind = "UNDER" if low is not None and value < low else "OVER" if high is not None and value > high else None
        if kind:
            expected.append((record["partition"], record["key"], {**record["value"], "minValue": low, "maxValue": high, "alarmType": kind}))
    assert len(expected) > 100, len(expected)
    same("alarms", values(meterline.records("alarms")), expected)


def check_tables(meterline, metrics):
    counts, latest = collections.Counter(), {}
    for record in metrics:
        value = record["value"]
        counts[value["gateway"], value["metricAttribute"]] += 1
        latest[value["gateway"]] = max(latest.get(value["gateway"], ""), value["timestamp"])
    held = last(meterline.records("latest_activity"))
    same("latest_activity", dict(sorted(held.items())), dict(sorted(latest.items())))
    out, _ = meterline("query", "--latest", "gateways", "--format", "csv")
    same("the cache", out.split()[1:], [f"{gateway},{time}" for gateway, time in sorted(latest.items())])
    rows = last(meterline.records("reading-counts"))
    same("reading-counts", sorted(row["READINGS"] for row in rows.values()), sorted(counts.values()))


def check_uplinks(meterline, metrics, counters):
    """Readings come by series and are grouped by gateway: each counts, however far partitions are apart while they are read."""
    windows, expected = {}, collections.Counter()
    for record in metrics:
        expected[record["value"]["gateway"], sql_pipeline.milliseconds(record["value"]["timestamp"]) // 1000 // WINDOW * WINDOW] += 1
    for record in in_order(meterline.records("device_uplink_count")):
        value = record["value"]
        windows[value["DEVICE"], sql_pipeline.milliseconds(value["WINDOW_START"].replace(" ", "T") + "Z") // 1000] = value["UPLINKS"]
    late = sum(value for (name, query), value in counters.items() if name == "records_late_total" and "DEVICE_UPLINK_COUNT" in query)
    same("device_uplink_count", windows, dict(expected))
    assert late == 0, f"device_uplink_count: {late} readings are late"
