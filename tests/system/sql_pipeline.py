"""A pipeline of queries over the readings, and what it must have written, computed from the topic of the readings alone. The checks do not depend on the order in which
partitions were worked on: they hold for any number of workers and instances, however often these were killed."""
import collections
import datetime
import json

HIGH = 100.0
LIMIT = 50.0

PIPELINE = f"""
CREATE STREAM readings (k STRING KEY, `gateway` STRING, `metricAttribute` STRING, `timestamp` STRING, `value` DOUBLE)
    WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='JSON', TIMESTAMP='`timestamp`', TIMESTAMP_FORMAT='yyyy-MM-dd''T''HH:mm:ss[.SSS]X');
CREATE TABLE limits (k STRING PRIMARY KEY, most DOUBLE) WITH (KAFKA_TOPIC='limits', VALUE_FORMAT='JSON', PARTITIONS=4);
INSERT INTO limits (k, most) VALUES ('0.ELECTRICITY.VOLTAGE', {LIMIT});
INSERT INTO limits (k, most) VALUES ('1.ELECTRICITY.ACTIVE_POWER', {LIMIT});
CREATE STREAM high WITH (KAFKA_TOPIC='high', VALUE_FORMAT='JSON') AS SELECT k, `value` AS v FROM readings WHERE `value` > {HIGH};
CREATE TABLE totals WITH (KAFKA_TOPIC='totals', VALUE_FORMAT='JSON') AS SELECT `metricAttribute` AS attribute, COUNT(*) AS n, SUM(`value`) AS s
    FROM readings GROUP BY `metricAttribute`;
CREATE TABLE minutes WITH (KAFKA_TOPIC='minutes', VALUE_FORMAT='JSON') AS SELECT k, AS_VALUE(k) AS series, WINDOWSTART AS start, COUNT(*) AS n, MAX(`value`) AS most
    FROM readings WINDOW TUMBLING (SIZE 5 MINUTES, GRACE PERIOD 1 HOUR) GROUP BY k EMIT FINAL;
CREATE STREAM above WITH (KAFKA_TOPIC='above', VALUE_FORMAT='JSON') AS SELECT readings.k AS k, `value` AS v, most FROM readings JOIN limits ON readings.k = limits.k WHERE `value` > most;
CREATE TABLE alarms WITH (KAFKA_TOPIC='alarms', VALUE_FORMAT='JSON') AS SELECT k, COUNT(*) AS n FROM above GROUP BY k;
"""

TOPICS = ("high", "totals", "minutes", "above", "alarms")


def milliseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def good_readings(records):
    """(key, attribute, time, value) of the records that can be read."""
    for record in records:
        value = record["value"]
        if isinstance(value, dict) and isinstance(value.get("value"), (int, float)):
            yield record["key"], value["metricAttribute"], milliseconds(value["timestamp"]), float(value["value"])


def same(what, actual, expected):
    missing, extra = expected - actual, actual - expected
    assert not missing and not extra, f"{what}: {sum(missing.values())} are missing, {sum(extra.values())} too many: {list(missing.items())[:3]} {list(extra.items())[:3]}"


def last_values(records):
    """The newest value of each key. The counts of a key rise from record to record; compaction may have left out some."""
    last = {}
    for record in records:
        before = last.get(record["key"], {"N": 0})
        assert record["value"]["N"] > before["N"], f"{record['topic']}: {record['key']} goes from {before} to {record['value']}"
        last[record["key"]] = record["value"]
    return last


def same_written(after, before):
    """Nothing has been written since; what is compacted may have lost records of which there are newer ones."""
    for topic in ("high", "minutes", "above"):
        assert after[topic] == before[topic], f"{topic}: {len(before[topic])} records, then {len(after[topic])}"
    for topic in ("totals", "alarms"):
        assert last_values(after[topic]) == last_values(before[topic]), topic


def check(readings, written):
    """`readings`: records of the topic metrics; `written`: {topic: records}, as `tail` prints them."""
    good = list(good_readings(readings))
    assert good, "there are no readings"
    same("high", collections.Counter((r["key"], r["value"]["V"]) for r in written["high"]), collections.Counter((k, v) for k, _, _, v in good if v > HIGH))
    counts, sums, windows = collections.Counter(), collections.Counter(), {}
    for key, attribute, time, value in good:
        counts[attribute] += 1
        sums[attribute] += value
        window = windows.setdefault((key, time // 300000 * 300000), [0, value])
        window[0] += 1
        window[1] = max(window[1], value)
    totals = last_values(written["totals"])
    same("totals", collections.Counter({key: value["N"] for key, value in totals.items()}), counts)
    for key, value in totals.items():
        assert abs(value["S"] - sums[key]) < 1e-6 * abs(sums[key]), f"totals: the sum of {key} is {value['S']}, expected {sums[key]}"
    minutes = collections.Counter((r["value"]["SERIES"], r["value"]["START"], r["value"]["N"], r["value"]["MOST"]) for r in written["minutes"])
    same("minutes", minutes, collections.Counter((key, start, n, most) for (key, start), (n, most) in windows.items()))
    limited = [(k, v) for k, _, _, v in good if k in ("0.ELECTRICITY.VOLTAGE", "1.ELECTRICITY.ACTIVE_POWER") and v > LIMIT]
    same("above", collections.Counter((r["key"], r["value"]["V"]) for r in written["above"]), collections.Counter(limited))
    same("alarms", collections.Counter({key: value["N"] for key, value in last_values(written["alarms"]).items()}), collections.Counter(k for k, _ in limited))


def query_counters(text):
    """From a metrics file: {(name without prefix, query): value}."""
    counters = {}
    for line in text.splitlines():
        if line.startswith("meterline_") and "{query=" in line:
            name, value = line.rsplit(" ", 1)
            counters[name.split("{")[0].removeprefix("meterline_"), name.split('"')[1]] = int(value)
    return counters


def as_records(lines):
    return [json.loads(line) for line in lines.splitlines()]
