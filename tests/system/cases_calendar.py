"""Windows of a calendar: local days with 23 and 25 hours, gas days, months and quarters of an hour equal a fold in Python with zoneinfo, to the last bit, from the topic and from the store."""
import csv
import io
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from system_program import oracle

GRACE = 300
# The load: eight days around the end of summer time in Europe, 2026-10-25.
LOAD = ("-t", "synthetic", "--series", 6, "--start", "2026-10-20", "--duration", "8d", "--interval", "5m", "--disordered", 0.1, "--late", 0.03)
WINDOWS = ("day@Europe/Athens", "day+06:00@Europe/Berlin", "15min@Asia/Kathmandu", "week~SUNDAY@Europe/Athens", "month@America/Sao_Paulo", "3600")


def milliseconds(moment):
    return int(moment.timestamp() * 1000)


def local_start(day, zone, hours=0):
    """An instant on a wall clock; clocks that are set at 00:00 do not occur in the load's zones and dates."""
    return milliseconds(datetime.combine(day, time(hours), ZoneInfo(zone)))


def bounds(window, moment):
    """Start and end (ms) of the window that holds `moment`."""
    if window == "3600":
        return moment - moment % 3600000, moment - moment % 3600000 + 3600000
    unit, zone = window.split("@")
    local = datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))
    day = local.date()
    one = timedelta(days=1)
    if unit == "day":
        return local_start(day, zone), local_start(day + one, zone)
    if unit == "day+06:00":
        day = day if local.hour >= 6 else day - one
        return local_start(day, zone, 6), local_start(day + one, zone, 6)
    if unit == "week~SUNDAY":
        first = day - timedelta(days=(day.weekday() + 1) % 7)
        return local_start(first, zone), local_start(first + 7 * one, zone)
    if unit == "month":
        return local_start(day.replace(day=1), zone), local_start((day.replace(day=1) + timedelta(days=32)).replace(day=1), zone)
    assert unit == "15min"
    start = local_start(day, zone)
    return start + (moment - start) // 900000 * 900000, start + (moment - start) // 900000 * 900000 + 900000


def expected(readings, window):
    """(series, start) -> row as `query` prints it."""
    states, late, stream_times = {}, 0, {}
    for partition, series, moment, value in readings:
        stream_times[partition] = max(stream_times.get(partition, -1), moment)
        start, end = bounds(window, moment)
        if end + GRACE * 1000 <= stream_times[partition]:
            late += 1
            continue
        state = states.setdefault((series, start), [end, 0, value, value, 0.0, 0.0])
        total = state[4] + value
        state[5] += (state[4] - total) + value if abs(state[4]) >= abs(value) else (value - total) + state[4]
        state[4] = total
        state[1] += 1
        state[2], state[3] = min(state[2], value), max(state[3], value)
    return {key: (oracle.iso(key[1]), oracle.iso(end), count, low, high, oracle.reported_sum(total, lost))
            for key, (end, count, low, high, total, lost) in states.items()}, late


def stored(meterline, window):
    rows = csv.DictReader(io.StringIO(meterline("query", "--window", window, "--format", "csv")[0]))
    return {((row["gateway"], row["type"], row["attribute"]), milliseconds(datetime.fromisoformat(row["windowStart"].replace("Z", "+00:00")))):
            (row["windowStart"], row["windowEnd"], int(row["sampleCount"]), float(row["min"]), float(row["max"]), float(row["sum"])) for row in rows}


def test_calendar_windows_equal_zoneinfo(meterline):
    meterline("replay", *LOAD)
    readings = list(oracle.topic_readings(meterline.dump()))
    run = ("run", "--windows", ",".join(WINDOWS), "--grace", f"{GRACE}s")
    meterline(*run, "--until-end")               # windows that are still open come back from the log
    meterline(*run, "--final", "--workers", 2)
    lengths = set()
    for window in WINDOWS:
        rows, late = expected(readings, window)
        assert rows and (late or window.startswith(("week", "month"))), window
        assert stored(meterline, window) == rows, window
        if window == "day@Europe/Athens":
            lengths = {(end - start) // 3600000 for start, end in (bounds(window, start) for _, start in rows)}
    assert lengths == {24, 25}


def test_results_of_calendars_name_date_and_zone(meterline):
    meterline("replay", *LOAD)
    meterline("run", "--windows", "day@Europe/Athens", "--final")
    records = meterline.records("metrics-aggregates-day.Europe.Athens")
    assert {record["value"]["timezone"] for record in records} == {"Europe/Athens"}
    for record in records:
        value = record["value"]
        start = datetime.fromisoformat(value["windowStart"].replace("Z", "+00:00")).astimezone(ZoneInfo("Europe/Athens"))
        assert (value["localDate"], start.time()) == (start.date().isoformat(), time(0))
    dates = {record["value"]["localDate"] for record in records}
    assert {date(2026, 10, 20 + day).isoformat() for day in range(8)} <= dates


def test_unknown_calendars_are_refused(meterline):
    for window, message in (("day@Europe/Atlantis", "unknown time zone"), ("fortnight@UTC", "examples: day@Europe/Athens"), ("7min@UTC", "divide 24 hours")):
        for command in (("run", "--windows", window), ("query", "--window", window)):
            meterline(*command, status=2, says=message)
