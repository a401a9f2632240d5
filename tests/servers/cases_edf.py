"""All aggregates of the EDF half-year, four sizes, in Cassandra: equal to the oracle row by row, by `query` and by a client that is not ours."""
import datetime

from engines.process import EngineError
from engines.python_driver import import_driver
from system_program import SHARED, Skipped, oracle

WINDOWS = (60, 600, 3600, 86400)
EPOCH = datetime.datetime(1970, 1, 1)


def milliseconds(time):
    since = time - EPOCH
    return since.days * 86400000 + since.seconds * 1000 + since.microseconds // 1000


def rows_of_the_driver(cassandra, keyspace, window):
    """series -> window start -> (count, min, max, sum, average, revision), read page by page by the Python driver."""
    try:
        cluster = import_driver().Cluster([cassandra.address()], port=cassandra.port)
    except EngineError as problem:
        raise Skipped(f"equal to the oracle by `query`; not read by another client: {problem}") from None
    try:
        session = cluster.connect(keyspace)
        session.default_fetch_size, held = 10000, {}
        for gateway, kind, attribute, start, *values in session.execute(
                f"SELECT gateway, metric, attribute, windowstart, samplecount, min, max, sum, avg, revision FROM metrics_aggregates_{window}", timeout=120):
            held.setdefault((gateway, kind, attribute), {})[milliseconds(start)] = values
        return held
    finally:
        cluster.shutdown()


def test_half_year_equals_the_oracle(meterline, cassandra):
    path = SHARED / "household_power_consumption.txt.gz"
    if not path.exists():
        raise Skipped(f"{path} is not there")
    words = ("--store", f"{cassandra.url}/edf", "-X", "cassandra.consistency=ONE")
    meterline("replay", "-t", "electricity", path)
    meterline("run", "--final", *words)
    answer = oracle.fold(oracle.raw_readings("electricity", path), WINDOWS, 300)
    for window in WINDOWS:
        actual = meterline.file("rows.csv", meterline.query(window, *words))
        difference = oracle.difference(answer.rows(window), oracle.parsed(actual)[1])
        assert not difference, f"{window} s: {difference}"
    for window in WINDOWS:
        held, states = rows_of_the_driver(cassandra, "edf", window), answer.states[window * 1000]
        assert {series: len(starts) for series, starts in held.items()} == {series: len(starts) for series, starts in states.items()}, f"{window} s"
        for series, starts in states.items():
            for start, (count, low, high, total, lost) in starts.items():
                total = oracle.reported_sum(total, lost)
                expected = [count, low, high, total, total / count, 0]
                assert held[series][start] == expected, f"{window} s: {series} {oracle.iso(start)} is {held[series][start]}, expected {expected}"
