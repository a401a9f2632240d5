#!/usr/bin/env python3
"""The oracle: all aggregates of a dataset or of a topic, computed outside the C code (standard library only).

    oracle.py raw TYPE FILE [--first A --last B]   TYPE: electricity, water, gas (the files that replay reads)
    oracle.py topic FILE                           JSON lines of `meterline tail TOPIC --from-beginning --format json`
    oracle.py compare EXPECTED.csv ACTUAL.csv      every row equal, doubles to the last bit

The first two print, for the window size --window S, what `meterline query --window S --format csv` prints. Readings are folded per partition in the order of
offsets with stream time and grace, the sum with Neumaier's compensation, as docs/architecture.md says.
"""
import argparse
import csv
import gzip
import json
import re
import sys
from datetime import datetime, timezone

HEADER = "gateway,type,attribute,windowStart,windowEnd,sampleCount,min,max,sum,average".split(",")


def murmur2(data: bytes) -> int:
    """Kafka's Java client's."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = (0x9747B28C ^ len(data)) & mask
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at:at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


class Partition:
    """Windows of one partition: its stream time, and a state for each (size, start, series)."""

    def __init__(self, sizes, grace):
        self.sizes, self.grace, self.stream_time, self.states, self.late = sizes, grace, None, {}, {size: 0 for size in sizes}

    def fold(self, series, time, value):
        if self.stream_time is None or time > self.stream_time:
            self.stream_time = time
        for size in self.sizes:
            start = time - time % size
            if start + size + self.grace <= self.stream_time:
                self.late[size] += 1
                continue
            state = self.states.get((size, series, start))
            if state is None:
                self.states[size, series, start] = [1, value, value, value, 0.0]
                continue
            total = state[3] + value
            state[4] += (state[3] - total) + value if abs(state[3]) >= abs(value) else (value - total) + state[3]
            state[3] = total
            state[0] += 1
            state[1] = min(state[1], value)
            state[2] = max(state[2], value)


def opened(path):
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt") if packed else open(path, encoding="utf-8")


def electricity_rows(path):
    days = {}
    with opened(path) as file:
        next(file)
        for line in file:
            fields = line.rstrip("\n").split(";")
            if "?" in fields[2:6] or "" in fields[2:6]:
                continue
            if fields[0] not in days:
                day, month, year = map(int, fields[0].split("/"))
                days[fields[0]] = int(datetime(year, month, day, tzinfo=timezone.utc).timestamp()) * 1000
            hour, minute, second = map(int, fields[1].split(":"))
            time = days[fields[0]] + (hour * 3600 + minute * 60 + second) * 1000
            yield time, zip(("ACTIVE_POWER", "REACTIVE_POWER", "VOLTAGE", "INTENSITY"), map(float, fields[2:6]))


def ampds_rows(path, kind):
    with opened(path) as file:
        separator = "\t" if "\t" in next(file) else ","
        for line in file:
            time, counter, _, rate = line.rstrip("\n").split(separator)
            yield int(time) * 1000, ((f"{kind}_IDD", float(rate)), (f"{kind}_SUMMATION", float(counter)))


def raw_readings(kind, path, first, last):
    rows = electricity_rows(path) if kind == "electricity" else ampds_rows(path, kind.upper())
    partitions = {}
    for time, values in rows:
        values = list(values)
        for household in range(first, last + 1):
            for attribute, value in values:
                series = (str(household), kind.upper(), attribute)
                partition = partitions.get(series)
                if partition is None:
                    partition = partitions[series] = (murmur2(".".join(series).encode()) & 0x7FFFFFFF) % 4
                yield partition, series, time, value + 0.001 * household


def milliseconds(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000 + 0.5)


def topic_readings(path):
    """Only readings that follow the rules: the key is the series' or the gateway, all fields are there."""
    records = [json.loads(line) for line in opened(path)]
    records.sort(key=lambda record: (record["partition"], record["offset"]))
    for record in records:
        value = record["value"]
        if not isinstance(value, dict) or not isinstance(value.get("value"), (int, float)):
            continue
        series = (value["gateway"], value["metricType"], value["metricAttribute"])
        if all(series) and record["key"] in (".".join(series), series[0]) and re.match(r"\d{4}-", value["timestamp"]):
            yield record["partition"], series, milliseconds(value["timestamp"]), float(value["value"])


def iso(time):
    return datetime.fromtimestamp(time / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write(readings, window, grace, out):
    partitions = {}
    size = window * 1000
    for number, series, time, value in readings:
        partition = partitions.get(number)
        if partition is None:
            partition = partitions[number] = Partition([size], grace * 1000)
        partition.fold(series, time, value)
    rows = []
    for partition in partitions.values():
        for (_, series, start), (count, low, high, total, lost) in partition.states.items():
            total += lost
            rows.append((".".join(series).encode(), start, [*series, iso(start), iso(start + size), count, low, high, total, total / count]))
    rows.sort(key=lambda row: row[:2])
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(row[2] for row in rows)


def parsed(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], [row[:5] + [int(row[5])] + [float(number) for number in row[6:]] for row in rows[1:]]


def compare(expected_path, actual_path):
    (expected_head, expected), (actual_head, actual) = parsed(expected_path), parsed(actual_path)
    if expected_head != actual_head:
        return f"headers differ: {actual_head}"
    for number, (left, right) in enumerate(zip(expected, actual), 2):
        if left != right:
            return f"line {number}: expected {left}, got {right}"
    if len(expected) != len(actual):
        return f"expected {len(expected)} rows, got {len(actual)}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["raw", "topic", "compare"])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--window", type=int, default=3600)
    parser.add_argument("--grace", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=0)
    options = parser.parse_args()
    if options.what == "compare":
        difference = compare(*options.names)
        if difference:
            sys.exit(difference)
    elif options.what == "raw":
        write(raw_readings(options.names[0], options.names[1], options.first, options.last), options.window, options.grace, sys.stdout)
    else:
        write(topic_readings(options.names[0]), options.window, options.grace, sys.stdout)


if __name__ == "__main__":
    main()
