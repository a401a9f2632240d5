"""What runs on the embedded bus runs on Kafka: cases of tests/system, and the same log on both."""
from cases_data import test_disorder_and_late_equal_oracle, test_late_for_the_minute_on_time_for_the_hour, test_results_topic_is_ordered_and_final_once  # noqa: F401
from cases_data import test_sample_equals_oracle_for_any_workers  # noqa: F401
from program import WINDOWS

import system_program

SOURCE = ("-t", "synthetic", "--series", 60, "--interval", "10s", "--duration", "5h", "--seed", 3, "--disordered", 0.05, "--late", 0.01, "--bad", 0.01)


def test_same_log_same_results_on_both_buses(meterline):
    """Results partition by partition in their order, late and rejected readings, the store's rows."""
    meterline("replay", *SOURCE)
    meterline("run", "--final", "--workers", 2)
    embedded = system_program.Program(meterline.binary, meterline.folder)
    bus = "sqlite:" + str(meterline.folder / "embedded")
    embedded.command = lambda *words, data=None: [embedded.binary, *map(str, words), "--data", str(meterline.folder / "embedded"), "--bus", bus]
    embedded("replay", *SOURCE)
    embedded("run", "--final", "--workers", 2)
    for window in WINDOWS:
        topic = f"metrics-aggregates-{window}"
        for partition in range(4):
            mine = [(r["key"], r["value"], r["timestamp"]) for r in meterline.records(topic, "--partition", partition)]
            theirs = [(r["key"], r["value"], r["timestamp"]) for r in embedded.records(topic, "--partition", partition)]
            assert mine == theirs, f"{topic}/{partition}: {len(mine)} results, embedded {len(theirs)}"
        assert meterline.query(window) == embedded.query(window)
    for topic in ("metrics-late", "metrics-rejected"):
        mine = sorted((r["key"] or "", str(r["value"]), r["headers"]["error"]) for r in meterline.records(topic))
        theirs = sorted((r["key"] or "", str(r["value"]), r["headers"]["error"]) for r in embedded.records(topic))
        assert len(mine) == len(theirs) > 0
        assert mine == theirs, next((a, b) for a, b in zip(mine, theirs) if a != b)
