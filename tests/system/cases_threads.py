"""Queries that come, change and go while others run under load: for a binary with ThreadSanitizer, and without."""
import signal
import time

THREAD_REPORT = "WARNING: ThreadSanitizer"
SECONDS = 120

READINGS = """
CREATE STREAM S (K STRING KEY, V INT) WITH (KAFKA_TOPIC = 's', VALUE_FORMAT = 'JSON', PARTITIONS = 4);
CREATE TABLE KEPT AS SELECT K, COUNT(*) AS N, SUM(V) AS TOTAL FROM S GROUP BY K;
"""
COUNTED = "CREATE OR REPLACE TABLE COMES AS SELECT K, COUNT(*) AS N FROM S WHERE V > {0} GROUP BY K;"
WINDOWS = "CREATE TABLE WINDOWED_{0} AS SELECT V, COUNT(*) AS N FROM S WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY V EMIT CHANGES;"


def wait_for(condition, what):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {SECONDS} s")


def insert(meterline, first, count):
    rows = "".join(f"INSERT INTO S (K, V) VALUES ('k{i % 7}', {i});\n" for i in range(first, first + count))
    meterline("sql", "-f", meterline.file(f"rows{first}.sql", rows))


def total(meterline):
    """Rows that the query that was there all along has counted: the newest row of each key."""
    return sum({r["key"]: r["value"]["N"] for r in meterline.records("KEPT") if r["value"]}.values())


def test_queries_come_and_go_under_load(meterline):
    meterline("sql", "-e", READINGS)
    insert(meterline, 0, 40)
    run = meterline.start("run", "--workers", "4")
    for step in range(3):
        meterline("sql", "-e", WINDOWS.format(step))
        meterline("sql", "-e", COUNTED.format(step))
        insert(meterline, 40 * (step + 1), 40)
        meterline("sql", "-e", f"DROP TABLE WINDOWED_{step};")
    wait_for(lambda: total(meterline) == 160, "all rows are counted")
    run.send_signal(signal.SIGTERM)
    _, messages = run.communicate(timeout=SECONDS)
    assert run.returncode == 0, f"exit status {run.returncode}: {messages[-3000:]}"
    assert THREAD_REPORT not in messages, messages[-6000:]
