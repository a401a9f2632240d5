"""Right numbers: real and synthetic data against the oracle, for any number of workers."""
from system_program import SAMPLE, SHARED, Skipped, oracle, slow


@slow
def test_sample_equals_oracle_for_any_workers(meterline):
    meterline("replay", "-t", "electricity", "-s", 0, "-e", 2, SAMPLE)
    answers = set()
    for workers in (1, 2, 4):
        meterline("run", "--final", "--reset", "--yes", "--workers", workers)
        answers.add(tuple(meterline.query(window) for window in (60, 600, 3600, 86400)))
    assert len(answers) == 1, "the number of workers changes the results"
    meterline.check_oracle(oracle.raw_readings("electricity", SAMPLE, 0, 2))


def test_disorder_and_late_equal_oracle(meterline):
    meterline("replay", "-t", "synthetic", "--series", 24, "--duration", "5h", "--interval", "20s", "--disordered", 0.1, "--late", 0.03, "--bad", 0.02)
    metrics = meterline.metrics("--final", "--workers", 2)
    meterline.check_conservation(metrics)
    assert metrics["meterline_records_late_total", "60"] > metrics["meterline_records_late_total", "86400"] > 0
    answer = meterline.check_oracle(oracle.topic_readings(meterline.dump()))
    for window in (60, 600, 3600, 86400):
        assert metrics["meterline_records_late_total", str(window)] == answer.late[window * 1000]
    rejected, late = meterline.records("metrics-rejected"), meterline.records("metrics-late")
    assert len(rejected) == metrics["meterline_records_rejected_total", "60"] > 0
    assert {"error", "origin.topic", "origin.partition", "origin.offset"} <= set(rejected[0]["headers"])
    assert {"error", "late.windows", "stream.time", "origin.offset"} <= set(late[0]["headers"])
    assert any("the key is not" in record["headers"]["error"] for record in rejected)


def test_results_topic_is_ordered_and_final_once(meterline):
    meterline("replay", "-t", "synthetic", "--series", 8, "--duration", "2h", "--interval", "10s", "--disordered", 0.2)
    meterline("run", "--final")
    seen = set()
    last = {}
    for record in meterline.records("metrics-aggregates-600"):
        value = record["value"]
        place = record["key"], value["windowStart"]
        assert place not in seen, f"{place} is there twice"
        seen.add(place)
        order = value["windowEnd"], value["windowStart"], record["key"].encode()
        assert last.get(record["partition"], order) <= order
        last[record["partition"]] = order
    assert 8 * 12 <= len(seen) == len(meterline.rows(600))


def test_late_for_the_minute_on_time_for_the_hour(meterline):
    rows = ["2024-01-01T00:00:10Z,1", "2024-01-01T00:30:00Z,2", "2024-01-01T00:00:20Z,4"]
    lines = "gateway,type,attribute,timestamp,value\n" + "".join(f"g,WATER,FLOW,{row}\n" for row in rows)
    meterline("replay", "-t", "readings", meterline.file("r.csv", lines))
    meterline("run", "--final")
    assert [row["sampleCount"] for row in meterline.rows(60)] == ["1", "1"]
    assert [(row["sampleCount"], row["sum"]) for row in meterline.rows(3600)] == [("3", "7")]
    (late,) = meterline.records("metrics-late")
    assert late["headers"]["late.windows"] == "60,600" and late["value"]["value"] == 4


def full_length(meterline, kind, name):
    path = SHARED / name
    if not path.exists():
        raise Skipped(f"{name} is not in ../shared/data")
    meterline("replay", "-t", kind, path)
    meterline.check_conservation(meterline.metrics("--final", "--workers", 2))
    meterline.check_oracle(oracle.raw_readings(kind, path))


@slow
def test_full_electricity(meterline):
    full_length(meterline, "electricity", "household_power_consumption.txt.gz")


@slow
def test_full_water(meterline):
    full_length(meterline, "water", "Water_WHW.csv.gz")


@slow
def test_full_gas(meterline):
    full_length(meterline, "gas", "NaturalGas_FRG.csv.gz")
