"""The rules of windows, lateness and rejection, each as a table or against the oracle; and that nothing but the log decides the answer."""
import collections
import json
import shutil

from system_program import SAMPLE, oracle

CSV = "gateway,type,attribute,timestamp,value\n"
SIZES = (60, 600, 3600, 86400)


def readings(meterline, gateway, rows):
    """Publishes readings of one gateway to a topic of its name, given as (time of the day, value)."""
    text = "".join(f"{gateway},W,F,2024-01-01T{time},{value}\n" for time, value in rows)
    meterline("replay", "-t", "readings", "--topic", gateway, meterline.file(f"{gateway}.csv", CSV + text))


def test_lateness_to_the_millisecond(meterline):
    """A window [start, end) closes when end + grace <= stream time; what comes for it later is late."""
    cases = [   # grace, times in order of arrival, sample counts of the minutes 00:00, 00:01, ..., late ones
        ("5m", ["00:00:10Z", "00:05:59.999Z", "00:00:20Z"], {"00:00": 2, "00:05": 1}, 0),
        ("5m", ["00:00:10Z", "00:06:00Z", "00:00:20Z"], {"00:00": 1, "00:06": 1}, 1),
        ("5m", ["00:00:10Z", "00:06:00Z", "00:01:00Z"], {"00:00": 1, "00:01": 1, "00:06": 1}, 0),
        ("0", ["00:00:59.999Z", "00:00:00Z", "00:01:00Z", "00:00:30Z"], {"00:00": 2, "00:01": 1}, 1),
        ("0", ["00:01:00Z", "00:00:59.999Z"], {"00:01": 1}, 1),
        ("1s", ["00:01:00Z", "00:00:59.999Z", "00:01:00.999Z", "00:00:00Z", "00:01:01Z", "00:00:00Z"], {"00:00": 2, "00:01": 3}, 1),
    ]
    for number, (grace, times, counts, late) in enumerate(cases):
        topic = f"case{number}"
        readings(meterline, topic, [(time, 1) for time in times])
        meterline("run", "--topic", topic, "--group", topic, "--windows", 60, "--grace", grace, "--final")
        found = {row["windowStart"][11:16]: int(row["sampleCount"]) for row in meterline.rows(60, "--gateway", topic)}
        assert found == counts, f"case {number}: {found}"
        assert len(meterline.records(f"{topic}-late")) == late, f"case {number}"


def test_stream_time_is_of_the_partition(meterline):
    """One series may make another of its partition late, but none of another partition."""
    places = {gateway: oracle.partition_of((gateway, "W", "F")) for gateway in map(str, range(40))}
    ahead = "0"
    rows = [f"{ahead},W,F,2024-01-01T12:00:00Z,1"] + [f"{gateway},W,F,2024-01-01T00:00:00Z,1" for gateway in places if gateway != ahead]
    meterline("replay", "-t", "readings", meterline.file("rows.csv", CSV + "\n".join(rows) + "\n"))
    assert {record["key"].split(".")[0]: record["partition"] for record in meterline.records("metrics")} == places
    meterline("run", "--final")
    expected = sorted(gateway for gateway, place in places.items() if place == places[ahead] and gateway != ahead)
    late = meterline.records("metrics-late")
    assert sorted(record["value"]["gateway"] for record in late) == expected and 0 < len(expected) < 39
    assert all(record["headers"]["late.windows"] == "60,600,3600" and record["headers"]["stream.time"] == "2024-01-01T12:00:00Z" for record in late)
    meterline.check_oracle(oracle.raw_readings("readings", meterline.folder / "rows.csv"))


def test_odd_windows_and_no_grace_equal_oracle(meterline):
    meterline("replay", "-t", "synthetic", "--series", 12, "--duration", "3h", "--interval", "7s", "--disordered", 0.2, "--late", 0.01)
    meterline("run", "--windows", "3601,7,90", "--grace", 0, "--final", "--workers", 8)
    answer = meterline.check_oracle(oracle.topic_readings(meterline.dump()), (7, 90, 3601), grace=0)
    assert answer.late[7000] > answer.late[3601000] > 0


def test_duplicates_count_twice(meterline):
    readings(meterline, "metrics", [("00:00:01Z", 1.5), ("00:00:01Z", 1.5)])
    meterline("run", "--final")
    (row,) = meterline.rows(60)
    assert (row["sampleCount"], row["min"], row["max"], row["sum"], row["average"]) == ("2", "1.5", "1.5", "3", "1.5")


def test_sum_keeps_what_rounding_loses(meterline):
    readings(meterline, "metrics", [("00:00:01Z", "1e16"), ("00:00:02Z", "1"), ("00:00:03Z", "-1e16"), ("00:00:04Z", "1e-3")])
    meterline("run", "--final")
    (row,) = meterline.rows(60)
    assert float(row["sum"]) == 1.001 and float(row["average"]) == 1.001 / 4 and float(row["min"]) == -1e16


def test_every_kind_of_bad_record_is_mail(meterline):
    meterline("replay", "-t", "synthetic", "--series", 24, "--duration", "1h", "--interval", "10s", "--bad", 0.2)
    metrics = meterline.metrics("--final")
    meterline.check_conservation(metrics)
    mail = meterline.records("metrics-rejected")
    assert len(mail) == metrics["meterline_records_rejected_total", "60"]
    errors = collections.Counter(record["headers"]["error"] for record in mail)
    for words in ("not Avro", "the key is not", "metricType is empty", "schema id 2147483647 is not", "'yesterday, about noon' is no time", "truncated", "not a finite number"):
        assert sum(count for error, count in errors.items() if words in error) > 50, f"'{words}' is not among {list(errors)}"
    origins = {(record["partition"], record["offset"]): record for record in meterline.records("metrics")}
    for record in mail:
        headers = record["headers"]
        origin = origins[int(headers["origin.partition"]), int(headers["origin.offset"])]
        assert headers["origin.topic"] == "metrics" and (record["key"], record["value"]) == (origin["key"], origin["value"]), "the record was changed"
    meterline.check_oracle(oracle.topic_readings(meterline.dump()))


def test_json_gives_what_avro_gives(meterline):
    other = meterline.folder / "json"
    for more, data in (([], None), (["--json"], other)):
        meterline("replay", "-t", "electricity", "-c", 20000, *more, SAMPLE, data=data)
        meterline("run", "--final", data=data)
    for window in SIZES:
        assert meterline.query(window) == meterline("query", "--window", window, "--format", "csv", data=other)[0]


def test_workers_do_not_change_a_byte(meterline):
    """Topics of results are equal record by record; so is the mail, but for the order of records that came from different partitions."""
    meterline("replay", "-t", "synthetic", "--series", 24, "--duration", "4h", "--interval", "20s", "--disordered", 0.1, "--late", 0.02, "--bad", 0.01)
    answers = []
    for workers in (1, 2, 4):
        data = meterline.folder / f"workers{workers}"
        shutil.copytree(meterline.data, data)
        meterline("run", "--final", "--workers", workers, data=data)
        results = {}
        for window in SIZES:
            for record in meterline.records(f"metrics-aggregates-{window}", data=data):
                results[window, record["partition"], record["offset"]] = record
        mail = [sorted(json.dumps([record["key"], record["value"], record["headers"]]) for record in meterline.records(f"metrics-{what}", data=data))
                for what in ("late", "rejected")]
        stored = [meterline("query", "--window", window, "--format", "csv", data=data)[0] for window in SIZES]
        answers.append((results, mail, stored))
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0][0]) == sum(text.count("\n") - 1 for text in answers[0][2])


def test_stopping_and_going_on_does_not_change_a_byte(meterline):
    """Many short runs, each of which recovers the open windows from the log, and one long one."""
    synthetic = ["replay", "-t", "synthetic", "--series", 10, "--duration", "5h", "--interval", "15s", "--disordered", 0.1, "--late", 0.01, "--bad", 0.01, "--resume"]
    whole = meterline.folder / "whole"
    for count in (700, 1400, 1401, 5000, 8000, 0):
        meterline(*synthetic, "-c", count)
        meterline("run", "--until-end", "--workers", 1 + count % 3)
    metrics = meterline.metrics("--final")
    meterline.check_conservation(metrics)
    meterline(*synthetic, data=whole)
    meterline("run", "--final", data=whole)
    for window in SIZES:
        assert meterline.query(window) == meterline("query", "--window", window, "--format", "csv", data=whole)[0]
    meterline.check_oracle(oracle.topic_readings(meterline.dump()))


def test_day_offset_households_and_count_equal_oracle(meterline):
    meterline("replay", "-t", "electricity", "-d", 3, "-s", 4, "-e", 6, "-c", 30001, SAMPLE)
    meterline.check_conservation(meterline.metrics("--final"))
    answer = meterline.check_oracle(oracle.raw_readings("electricity", SAMPLE, 4, 6, 3, 30001))
    assert answer.read == 30001


def test_average_of_huge_values(meterline):
    """A sum that no double holds is cut; the average is that of the values all the same."""
    rows = "".join(f"g,E,X,2020-01-01T00:00:0{second}Z,{value}\n" for second, value in enumerate(("1e308", "1e308")))
    meterline("replay", "-t", "readings", meterline.file("huge.csv", "gateway,type,attribute,timestamp,value\n" + rows))
    meterline("run", "--final")
    [row] = meterline.rows(60)
    assert (row["min"], row["max"], row["average"]) == ("1e+308", "1e+308", "1e+308"), row
    [record] = meterline.records("metrics-aggregates-60")
    assert record["value"]["average"] == 1e308, record
