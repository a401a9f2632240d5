#!/usr/bin/env python3
"""The oracle: all aggregates of a dataset or of a topic, computed outside the C code (standard library only).

    oracle.py raw TYPE FILE     TYPE: electricity, water, gas, readings (the files that replay reads), with replay's -d, -s, -e, -c
    oracle.py topic FILE        JSON lines of `meterline tail TOPIC --from-beginning --format json`
    oracle.py compare EXPECTED.csv ACTUAL.csv      every row equal, doubles to the last bit

The first two print, for the window size --window S, what `meterline query --window S --format csv` prints; with --into FOLDER they write S.csv for each of
--windows S,S,... in one pass. Readings are folded per partition in the order of offsets with stream time and grace, the sum with Neumaier's compensation, as
docs/architecture.md says.
"""
import argparse
import csv
import gzip
import itertools
import json
import math
import pathlib
import re
import sys
from datetime import datetime, timezone

HEADER = "gateway,type,attribute,windowStart,windowEnd,sampleCount,min,max,sum,average".split(",")
PARTITIONS = 4
MAX_AHEAD = 86400 * 1000


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


def partition_of(series):
    return (murmur2(".".join(series).encode()) & 0x7FFFFFFF) % PARTITIONS


class Answer:
    """What folding gave: states[size][series][start] = [count, min, max, sum, compensation]; late[size] = readings that were late for it."""

    def __init__(self, sizes):
        self.states = {size: {} for size in sizes}
        self.late = {size: 0 for size in sizes}
        self.read = 0

    def rows(self, window):
        """The rows of a window size in seconds, in the order of key and window start, as parsed CSV."""
        size = window * 1000
        rows = []
        for series, windows in sorted(self.states[size].items(), key=lambda item: ".".join(item[0]).encode()):
            for start, (count, low, high, total, lost) in sorted(windows.items()):
                total = reported_sum(total, lost)
                rows.append([*series, iso(start), iso(start + size), count, low, high, total, total / count])
        return rows


def reported_sum(total, lost):
    if math.isfinite(total + lost):
        return total + lost
    return sys.float_info.max if total > 0 else -sys.float_info.max if total < 0 else 0.0


def fold(readings, windows, grace):
    """`readings` gives (partition, series, time in ms, value) in the order of each partition's offsets; windows and grace in seconds."""
    sizes = [window * 1000 for window in windows]
    answer, grace = Answer(sizes), grace * 1000
    late = answer.late
    places = {}          # series -> [(size, its windows)]
    stream_times = {}
    for partition, series, time, value in readings:
        answer.read += 1
        stream_time = stream_times.get(partition, -1)
        if time > stream_time:
            stream_time = stream_times[partition] = time
        place = places.get(series)
        if place is None:
            place = places[series] = [(size, {}) for size in sizes]
        for size, states in place:
            start = time - time % size
            if start + size + grace <= stream_time:
                late[size] += 1
                continue
            state = states.get(start)
            if state is None:
                states[start] = [1, value, value, value, 0.0]
                answer.states[size][series] = states
                continue
            old = state[3]
            total = old + value
            state[4] += (old - total) + value if abs(old) >= abs(value) else (value - total) + old
            state[3] = total
            state[0] += 1
            if value < state[1]:
                state[1] = value
            if value > state[2]:
                state[2] = value
    return answer


def opened(path):
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8-sig") if packed else open(path, encoding="utf-8-sig")


def number(text):
    """None when it is not a decimal number that a double can hold."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def data_rows(file, separator, day_offset):
    lines = (line.rstrip("\r\n") for line in file)
    return (line.split(separator) for line in itertools.islice((line for line in lines if line.strip()), 1440 * day_offset, None))


def electricity_rows(path, day_offset):
    days = {}
    names = ("ACTIVE_POWER", "REACTIVE_POWER", "VOLTAGE", "INTENSITY")
    with opened(path) as file:
        columns = next(file).count(";") + 1
        for fields in data_rows(file, ";", day_offset):
            values = [number(text) for text in fields[2:6]]
            if len(fields) != columns or None in values:
                continue
            day, clock = fields[0], fields[1]
            try:
                if day not in days:
                    days[day] = int(datetime(*map(int, reversed(day.split("/"))), tzinfo=timezone.utc).timestamp()) * 1000
                hour, minute, second = map(int, clock.split(":"))
            except ValueError:
                continue
            yield days[day] + (hour * 3600 + minute * 60 + second) * 1000, list(zip(names, values))


def ampds_rows(path, kind, day_offset):
    with opened(path) as file:
        separator = "\t" if "\t" in next(file) else ","
        for fields in data_rows(file, separator, day_offset):
            if len(fields) != 4 or not re.fullmatch(r"\+?\d+", fields[0]):   # some rows of AMPds2 have a plus sign
                continue
            counter, rate = number(fields[1]), number(fields[3])
            if counter is not None and rate is not None:
                yield int(fields[0]) * 1000, [(f"{kind}_IDD", rate), (f"{kind}_SUMMATION", counter)]


def household_readings(kind, path, first, last, day_offset):
    rows = electricity_rows(path, day_offset) if kind == "electricity" else ampds_rows(path, kind.upper(), day_offset)
    known = {}
    for time, values in rows:
        for household in range(first, last + 1):
            for attribute, value in values:
                place = known.get((household, attribute))
                if place is None:
                    series = (str(household), kind.upper(), attribute)
                    place = known[household, attribute] = (partition_of(series), series)
                yield place[0], place[1], time, value + 0.001 * household


def listed_readings(path):
    """-t readings, CSV with a header: what is missing or malformed is left out."""
    with opened(path) as file:
        for row in csv.DictReader(file):
            value, time = number(row["value"] or ""), milliseconds(row["timestamp"] or "")
            series = (row["gateway"], row["type"], row["attribute"])
            if value is not None and time is not None and all(series):
                yield partition_of(series), series, time, value


def raw_readings(kind, path, first=0, last=0, day_offset=0, count=None):
    readings = listed_readings(path) if kind == "readings" else household_readings(kind, path, first, last, day_offset)
    return itertools.islice(readings, count)


def milliseconds(text):
    """None when it is not ISO-8601, or outside 1970 to 9999."""
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    since = time - datetime(1970, 1, 1, tzinfo=timezone.utc)
    result = since.days * 86400000 + since.seconds * 1000 + since.microseconds // 1000
    return result if result >= 0 else None


def topic_readings(path):
    """Only readings that follow the rules: all fields are there, the key is the series' or the gateway, the time is not ahead of the clock."""
    with opened(path) as file:
        records = [json.loads(line) for line in file]
    records.sort(key=lambda record: (record["partition"], record["offset"]))
    for record in records:
        value = record["value"]
        if not isinstance(value, dict) or type(value.get("value")) not in (int, float):
            continue
        series = (value["gateway"], value["metricType"], value["metricAttribute"])
        time = milliseconds(value["timestamp"])
        if all(series) and time is not None and record["key"] in (".".join(series), series[0]) and time <= milliseconds(record["timestamp"]) + MAX_AHEAD:
            yield record["partition"], series, time, float(value["value"])


def iso(time):
    return datetime.fromtimestamp(time // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_rows(rows, out):
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)


def parsed(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return rows[0], [row[:5] + [int(row[5])] + [float(text) for text in row[6:]] for row in rows[1:]]


def difference(expected, actual):
    """None when the parsed rows are equal, otherwise where they are not."""
    for line, (left, right) in enumerate(zip(expected, actual), 2):
        if left != right:
            return f"line {line}: expected {left}, got {right}"
    if len(expected) != len(actual):
        return f"expected {len(expected)} rows, got {len(actual)}"
    return None


def compare(expected_path, actual_path):
    (expected_head, expected), (actual_head, actual) = parsed(expected_path), parsed(actual_path)
    for path, head in ((expected_path, expected_head), (actual_path, actual_head)):
        if head != HEADER:
            return f"{path}: the header is {head}"
    return difference(expected, actual)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["raw", "topic", "compare"])
    parser.add_argument("names", nargs="+")
    parser.add_argument("--window", type=int, default=3600)
    parser.add_argument("--windows", default="60,600,3600,86400")
    parser.add_argument("--into", type=pathlib.Path)
    parser.add_argument("--grace", type=int, default=300)
    parser.add_argument("-d", "--day-offset", type=int, default=0)
    parser.add_argument("-s", "--first", type=int, default=0)
    parser.add_argument("-e", "--last", type=int)
    parser.add_argument("-c", "--count", type=int)
    options = parser.parse_args()
    if options.what == "compare":
        sys.exit(compare(*options.names))
    if options.what == "raw":
        last = options.first if options.last is None else options.last
        readings = raw_readings(*options.names, options.first, last, options.day_offset, options.count)
    else:
        readings = topic_readings(options.names[0])
    windows = [int(word) for word in options.windows.split(",")] if options.into else [options.window]
    answer = fold(readings, windows, options.grace)
    if not options.into:
        write_rows(answer.rows(options.window), sys.stdout)
        return
    options.into.mkdir(parents=True, exist_ok=True)
    for window in windows:
        with open(options.into / f"{window}.csv", "w", encoding="utf-8") as file:
            write_rows(answer.rows(window), file)


if __name__ == "__main__":
    main()
