"""What the lake writes, as others read it; what it does when its log is another one."""
import collections
import csv
import decimal
import gzip
import os
import pathlib
import subprocess

import compare_parquet
import duckdb
from commits import Commits
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual
from pyiceberg.table import StaticTable

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "share/sample/household_power_consumption.txt.gz"
RUN = ("run", "-q", "--until-end", "--store", "none")


def meterline(options, *arguments, status=0):
    done = subprocess.run([options.binary, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == status, (arguments, done.returncode, done.stderr)
    return done.stdout if status == 0 else done.stderr


def table(data, name="readings"):
    return StaticTable.from_metadata(str(data / "lake" / name))


def sample_sums():
    """{attribute: (count, exact sum)} of the sample's readings."""
    columns = {"Global_active_power": "ACTIVE_POWER", "Global_reactive_power": "REACTIVE_POWER", "Voltage": "VOLTAGE", "Global_intensity": "INTENSITY"}
    sums = collections.defaultdict(lambda: [0, decimal.Decimal(0)])
    with gzip.open(SAMPLE, "rt") as file:
        for row in csv.DictReader(file, delimiter=";"):
            if row["Voltage"] in ("", "?"):
                continue
            for column, attribute in columns.items():
                sums[attribute][0] += 1
                sums[attribute][1] += decimal.Decimal(row[column])
    return {attribute: tuple(pair) for attribute, pair in sums.items()}


def sums_of(arrow):
    rows = duckdb.sql("select attribute, count(*), sum(value::decimal(20, 6)) from arrow group by attribute").fetchall()
    return {attribute: (count, total) for attribute, count, total in rows}


def test_parquet_files_are_read_value_for_value(folder, options):
    test = options.binary.resolve().parents[1] / "tests/lake_parquet_test"
    subprocess.run([test], check=True, capture_output=True, env=dict(os.environ, METERLINE_PARQUET_DIR=str(folder), METERLINE_SEED="20070101"))
    files, values = compare_parquet.compare(folder)
    assert files == 40 and values > 100_000, (files, values)


def test_readings_are_read_by_pyiceberg_and_duckdb(folder, options):
    data = folder / "data"
    meterline(options, "replay", "-q", "-t", "electricity", SAMPLE, "--data", data)
    meterline(options, *RUN, "--lake", "default", "--data", data)
    readings = table(data)
    assert [field.name for field in readings.schema().fields] == ["gateway", "type", "attribute", "ts", "value"]
    assert sums_of(readings.scan().to_arrow()) == sample_sums()
    files = [file.file.file_path for file in readings.scan().plan_files()]
    assert sums_of(duckdb.read_parquet(files).fetch_arrow_table()) == sample_sums()


def test_snapshots_and_months(folder, options):
    data = folder / "data"
    for first in (0, 1):
        meterline(options, "replay", "-q", "-t", "synthetic", "--series", 4, "--interval", "1h", "--duration", f"{40 + 30 * first}d", "--seed", first, "--data", data)
        meterline(options, *RUN, "--lake", "default", "--data", data)
    readings = table(data)
    snapshots = readings.snapshots()
    assert len(snapshots) == 2 and snapshots[1].parent_snapshot_id == snapshots[0].snapshot_id
    before, now = (readings.scan(snapshot_id=snapshot.snapshot_id).to_arrow() for snapshot in snapshots)
    assert before.num_rows > 0 and now.num_rows > before.num_rows
    assert int(snapshots[1].summary["total-records"]) == now.num_rows
    months = {file.file.partition[0] for file in readings.scan().plan_files()}
    assert len(months) == 3, months
    some = readings.scan(row_filter=And(GreaterThanOrEqual("ts", "2024-03-01T00:00:00+00:00"), EqualTo("attribute", now["attribute"][0].as_py())))
    assert {file.file.partition[0] for file in some.plan_files()} == {max(months)}


def test_compaction_keeps_rows_and_order(folder, options):
    data = folder / "data"
    meterline(options, "replay", "-q", "-t", "synthetic", "--series", 8, "--interval", "10m", "--duration", "40d", "--disordered", "0.05", "--data", data)
    meterline(options, *RUN, "--lake", "default", "--lake-memory", "40K", "--data", data)

    def series():
        """What each series has, in the order of files and rows."""
        lines = list(csv.DictReader(meterline(options, "lake", "files", "readings", "--format", "csv", "--data", data).splitlines()))
        found = collections.defaultdict(list)
        for line in lines:
            for gateway, kind, attribute, ts, value in duckdb.sql(
                    f"select gateway, type, attribute, epoch_ms(ts), value from read_parquet('{line['file']}', hive_partitioning=false, file_row_number=true) order by file_row_number").fetchall():
                found[line["partition"], gateway, kind, attribute].append((ts, value))
        return len(lines), found

    many, before = series()
    meterline(options, "lake", "compact", "--data", data)
    few, after = series()
    assert before == after
    assert many > 4 and few == 2, (many, few)
    assert sum(map(len, after.values())) == table(data).scan().to_arrow().num_rows
    meterline(options, "lake", "expire", "--keep", "0", "--data", data)
    assert len(list((data / "lake/readings/data").rglob("*.parquet"))) == 2
    assert series() == (2, before)


def test_all_types(folder, options):
    data, pipeline = folder / "data", folder / "types.sql"
    pipeline.write_text("""
CREATE STREAM ALL_TYPES (K STRING KEY, B BOOLEAN, I INTEGER, L BIGINT, D DOUBLE, S4 DECIMAL(4, 2), S38 DECIMAL(38, 3), S STRING, Y BYTES, DA DATE, TI TIME, TS TIMESTAMP)
    WITH (kafka_topic='all-types', value_format='JSON', partitions=1);
INSERT INTO ALL_TYPES (K, B, I, L, D, S4, S38, S, Y, DA, TI, TS) VALUES ('a', true, -1, 9007199254740993, 0.1, 12.34, 12345678901234567890.125, 'é', TO_BYTES('00ff', 'hex'),
    '2020-02-29', '10:11:12', '2020-01-31T10:11:12.123');
INSERT INTO ALL_TYPES (K) VALUES ('b');
CREATE SINK CONNECTOR LAKE WITH ('type'='lake', 'topics'='all-types');
""")
    meterline(options, "run", "-q", "--until-end", pipeline, "--data", data)
    first, second = table(data, "all_types").scan().to_arrow().to_pylist()
    shown = {name: str(value) for name, value in first.items() if name != "rowtime"}
    assert shown == {"k": "a", "b": "True", "i": "-1", "l": "9007199254740993", "d": "0.1", "s4": "12.34", "s38": "12345678901234567890.125", "s": "é", "y": "b'\\x00\\xff'",
                     "da": "2020-02-29", "ti": "10:11:12", "ts": "2020-01-31 10:11:12.123000+00:00"}, shown
    assert [name for name, value in second.items() if value is not None] == ["k", "rowtime"]
    meterline(options, "run", "-q", "--until-end", pipeline, "--data", data)
    assert table(data, "all_types").scan().to_arrow().num_rows == 2


def test_unreadable_records_are_kept_apart_once(folder, options):
    data, pipeline = folder / "data", folder / "p.sql"
    pipeline.write_text("CREATE SINK CONNECTOR LAKE WITH ('type'='lake', 'topics'='metrics');\n")
    meterline(options, "replay", "-q", "-t", "synthetic", "--series", 4, "--interval", "10m", "--duration", "10d", "--bad", "0.01", "--data", data)
    meterline(options, "run", "-q", "--until-end", pipeline, "--data", data)
    topics = {line["topic"]: int(line["records"]) for line in csv.DictReader(meterline(options, "topics", "--format", "csv", "--data", data).splitlines())}
    rows = table(data).scan().to_arrow().num_rows
    assert topics["metrics-rejected"] > 0 and rows + topics["metrics-rejected"] == topics["metrics"], (topics, rows)
    assert table(data).properties["meterline.passed.metrics"] == str(topics["metrics-rejected"])


def test_a_nested_column_is_refused(folder, options):
    data, pipeline = folder / "data", folder / "p.sql"
    pipeline.write_text("""CREATE STREAM N (K STRING KEY, A ARRAY<INT>) WITH (kafka_topic='nested', value_format='JSON', partitions=1);
CREATE SINK CONNECTOR LAKE WITH ('type'='lake', 'topics'='nested');
""")
    message = meterline(options, "run", "--until-end", pipeline, "--data", data, status=1)
    assert "column a is of type ARRAY<INTEGER>" in message, message


def test_another_log_is_an_error_with_a_way_out(folder, options):
    lake, one, other = folder / "lake", folder / "one", folder / "other"
    source = ("replay", "-q", "-t", "synthetic", "--series", 2, "--interval", "1h", "--duration", "5d")
    for data in (one, other):
        meterline(options, *source, "--data", data)
    meterline(options, *RUN, "--lake", lake, "--data", one)
    rows = StaticTable.from_metadata(str(lake / "readings")).scan().to_arrow().num_rows
    message = meterline(options, *RUN, "--lake", lake, "--data", other, status=1)
    assert "of another log" in message and "meterline lake forget readings --topic metrics" in message, message
    assert StaticTable.from_metadata(str(lake / "readings")).scan().to_arrow().num_rows == rows
    meterline(options, "lake", "forget", "readings", "--topic", "metrics", "--yes", "--lake", lake)
    meterline(options, *RUN, "--lake", lake, "--data", other)
    assert StaticTable.from_metadata(str(lake / "readings")).scan().to_arrow().num_rows == 2 * rows


def test_a_check_names_what_is_wrong(folder, options):
    data = folder / "data"
    meterline(options, "replay", "-q", "-t", "synthetic", "--series", 4, "--interval", "10m", "--duration", "40d", "--data", data)
    meterline(options, *RUN, "--lake", "default", "--data", data)
    one, other = sorted((data / "lake/readings/data").rglob("*.parquet"))
    damaged = bytearray(one.read_bytes())
    damaged[len(damaged) // 3] ^= 0x55
    one.write_bytes(damaged)
    other.unlink()
    done = subprocess.run([options.binary, "lake", "check", "--data", data], capture_output=True, text=True)
    assert done.returncode == 1 and str(one) in done.stdout and f"there is no file {other}" in done.stdout, done.stdout


def test_every_step_of_a_commit_may_be_killed_or_fail(folder, options):
    preload = folder / "preload.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", preload, ROOT / "tests/fault/fault_preload.c", "-ldl"], check=True)
    commits = Commits(options.binary, preload, folder)
    tried, killed = commits.sweep(options.rounds)
    tried += commits.maintenance(max(1, options.rounds // 8))
    print(f"  {tried} faults, {killed} runs killed")
