"""`meterline batch`: late readings are restated to the last bit, batch and store are reconciled, jobs and the prompt see all readings."""
import collections
import csv
import io
import json
import re
from datetime import datetime, timedelta, timezone

import batch_data
from batch_data import edf_lines, flip_bit, need_library, store, write_late
from system_program import ROOT, SHARED, Skipped, slow

SIZES = (60, 600, 3600, 86400)


def reconciled(meterline, status=0, *more):
    """Class -> size -> windows, and the whole report."""
    report = json.loads(meterline("batch", "reconcile", "--format", "json", *more, status=status)[0])
    counts = collections.defaultdict(dict)
    for row in report["windows"]:
        for name, count in row.items():
            if count and name != "window":
                counts[name][row["window"]] = count
    return dict(counts), report


def corrections(meterline):
    return [row["value"] for row in meterline.records("metrics-corrections")]


def infinite_grace(meterline, path, grace="366d"):
    """What a stream that waits for everything makes of the same readings: size -> CSV. `grace` must be longer than any reading is late."""
    data = meterline.folder / "patient"
    meterline("replay", "-q", "-t", "readings", path, data=data)
    meterline("run", "-q", "--grace", grace, "--final", data=data)
    return {size: meterline("query", "--window", size, "--format", "csv", data=data)[0] for size in SIZES}


def restate_equals_infinite_grace(meterline, path, grace="366d"):
    """Stream with the default grace, restate, compare with the patient stream; 0 unexplained before and after."""
    need_library()
    meterline("replay", "-q", "-t", "readings", path)
    meterline("run", "-q", "--final")
    before, _ = reconciled(meterline)
    assert set(before) == {"SAME", "LATE"} and set(before["LATE"]) == set(SIZES), before
    meterline("batch", "restate", says="corrected")
    for size, expected in infinite_grace(meterline, path, grace).items():
        assert meterline.query(size) == expected, f"windows of {size} s differ from those of a stream with infinite grace"
    after, _ = reconciled(meterline)
    assert after == {"SAME": before["SAME"], "REVISED": before["LATE"]} or after["REVISED"] == before["LATE"], (before, after)
    return before


def test_restated_windows_are_those_of_a_stream_that_waits(meterline):
    path = write_late(meterline, "late.csv", edf_lines(days=5))
    before = restate_equals_infinite_grace(meterline, path)
    rows = corrections(meterline)
    assert len(rows) == sum(before["LATE"].values())
    assert all(row["revision"] == 1 == row["new"]["revision"] and row["cause"] == "LATE" and row["late"] > 0 for row in rows)
    for row in rows:
        old = row["old"] or {"sampleCount": 0, "sum": 0}
        assert row["delta"]["sampleCount"] == row["new"]["sampleCount"] - old["sampleCount"] == row["late"]
        assert row["delta"]["sum"] == row["new"]["sum"] - old["sum"]


def test_a_run_that_changes_nothing_writes_nothing(meterline):
    need_library()
    path = write_late(meterline, "late.csv", edf_lines(days=2))
    meterline("replay", "-q", "-t", "readings", path)
    meterline("run", "-q", "--final")
    _, err = meterline("batch", "restate", "--dry-run")
    due = int(re.search(r"(\d+) would be corrected", err)[1])
    assert due > 0 and "metrics-corrections" not in meterline("topics")[0], "a dry run writes nothing"
    meterline("batch", "restate", says=f"{due} corrected")
    written = store(meterline).execute("PRAGMA data_version").fetchone(), len(corrections(meterline))
    stored = (meterline.data / "meterline.db").read_bytes()
    for action in ("restate", "recompute"):
        meterline("batch", action, says=" 0 corrected")
    assert len(corrections(meterline)) == written[1] == due and (meterline.data / "meterline.db").read_bytes() == stored


def test_later_readings_raise_the_revision(meterline):
    need_library()
    line = "0,WATER,FLOW,2024-01-{:02}T00:00:{:02}Z,{}\n"
    rows = batch_data.HEADER + line.format(1, 0, 1) + line.format(3, 0, 5)
    path = meterline.file("rows.csv", rows)
    meterline("replay", "-t", "readings", path)
    meterline("run", "-q", "--until-end", "--windows", 60)
    for revision, value in ((1, 7), (2, 9)):
        rows += line.format(1, revision, value)
        meterline.file("rows.csv", rows)
        meterline("replay", "-t", "readings", "--resume", path)
        meterline("run", "-q", "--until-end", "--windows", 60)
        meterline("batch", "restate", says=" 1 corrected")
        assert [row["revision"] for row in corrections(meterline)] == list(range(1, revision + 1))
    last = corrections(meterline)[-1]
    assert last["old"] == {"sampleCount": 2, "min": 1, "max": 7, "sum": 8, "average": 4, "revision": 1}
    assert last["new"] == {"sampleCount": 3, "min": 1, "max": 9, "sum": 17, "average": 17 / 3, "revision": 2}
    assert meterline.rows(60)[0]["sum"] == "17" and reconciled(meterline)[0] == {"REVISED": {60: 1}, "OPEN": {60: 1}}


def test_what_is_wrong_in_the_store_is_named(meterline):
    need_library()
    meterline("replay", "-q", "-t", "readings", write_late(meterline, "late.csv", edf_lines(days=3)))
    meterline("run", "-q", "--final")
    meterline("batch", "restate")
    assert set(reconciled(meterline)[0]) == {"SAME", "REVISED"}
    start = flip_bit(meterline)
    with store(meterline) as database:
        series, lost = database.execute("SELECT series, start FROM store_aggregates_60 LIMIT 1 OFFSET 100").fetchone()
        database.execute("DELETE FROM store_aggregates_60 WHERE series = ? AND start = ?", (series, lost))
        database.execute("INSERT INTO store_aggregates_600 VALUES(?, ?, 1, 2.0, 2.0, 2.0, 0)", (series, 600000 * 3))
    counts, report = reconciled(meterline, 1)
    assert counts["UNEXPLAINED"] == {3600: 1} and counts["MISSING_SPEED"] == {60: 1} and counts["MISSING_BATCH"] == {600: 1}, counts
    found = {row["class"]: row for row in report["greatest"]}
    assert report["failures"] == 3 and {found[name]["window"] for name in ("UNEXPLAINED", "MISSING_SPEED", "MISSING_BATCH")} == {3600, 60, 600}
    wrong = found["UNEXPLAINED"]
    assert wrong["batch"]["sum"] != wrong["store"]["sum"] and wrong["batch"]["sampleCount"] == wrong["store"]["sampleCount"]
    assert meterline("query", "--window", 3600, "--gateway", 0, "--from", wrong["windowStart"], "--limit", 1)[0] and start
    html = meterline("batch", "reconcile", "--format", "html", status=1)[0]
    assert "3 windows are missing or not explained" in html and wrong["series"] in html and "<script" not in html
    text = meterline("batch", "reconcile", status=1)[0]
    assert re.search(r"UNEXPLAINED +0 +0 +1 +0", text) and wrong["windowStart"] in text
    assert reconciled(meterline, 0, "--to", "1970-01-01T00:20:00Z")[0] == {}, "a range before all of it"
    meterline("batch", "recompute", says=" 2 corrected")
    assert set(reconciled(meterline, 1)[0]) == {"SAME", "REVISED", "MISSING_BATCH"}, "what the lake never had stays, and is still named"


def test_open_windows_are_the_streams(meterline):
    need_library()
    meterline("replay", "-q", "-t", "synthetic", "--series", 8, "--interval", "10s", "--duration", "2h")
    meterline("run", "-q", "--until-end")
    counts, _ = reconciled(meterline)
    assert set(counts) == {"SAME", "OPEN"} and counts["OPEN"][3600] == 8, counts
    meterline("batch", "recompute", says=" 0 corrected")
    meterline("run", "-q", "--final")
    assert set(reconciled(meterline)[0]) == {"SAME"}


def test_sizes_that_the_stream_never_had(meterline):
    need_library()
    meterline("replay", "-q", "-t", "synthetic", "--series", 4, "--interval", "30s", "--duration", "30d", "--start", "2024-01-15T00:00:00Z")
    meterline("run", "-q", "--final", "--windows", "3600")
    meterline("batch", "recompute", "--windows", "1800,7d")
    data = meterline.folder / "other"
    meterline("replay", "-q", "-t", "synthetic", "--series", 4, "--interval", "30s", "--duration", "30d", "--start", "2024-01-15T00:00:00Z", data=data)
    meterline("run", "-q", "--final", "--windows", "1800,7d", data=data)
    for size in (1800, 604800):
        assert meterline.query(size) == meterline("query", "--window", size, "--format", "csv", data=data)[0]
    assert all(row["cause"] == "RECOMPUTE" and row["old"] is None for row in corrections(meterline))


def test_a_range_and_a_series(meterline):
    need_library()
    meterline("replay", "-q", "-t", "synthetic", "--series", 8, "--interval", "10s", "--duration", "1d")
    meterline("run", "-q", "--final", "--windows", "3600")
    where = ("--from", "2024-01-01T05:00:00Z", "--to", "2024-01-01T08:00:00Z", "--gateway", "g0")
    gateway = meterline.rows(3600)[0]["gateway"]
    counts, _ = reconciled(meterline, 0, *where[:4], "--gateway", gateway)
    series = {row["attribute"] for row in meterline.rows(3600) if row["gateway"] == gateway}
    assert counts == {"SAME": {3600: 3 * len(series)}}, counts


def test_jobs(meterline):
    need_library()
    meterline("replay", "-q", "-t", "electricity", "-s", 0, "-e", 1, "-c", 2 * 4 * 1440 * 3, batch_data.SAMPLE)
    meterline("run", "-q", "--final")

    def job(name, *more):
        return list(csv.DictReader(io.StringIO(meterline("batch", "run", ROOT / f"share/jobs/{name}.sql", "--format", "csv", *more)[0])))

    hours = job("hourly")
    stored = meterline.rows(3600)
    by_key = {(row["gateway"], row["attribute"], row["windowStart"]): row for row in stored}
    assert len(hours) == len(stored)
    for row in hours:
        other = by_key[row["gateway"], row["attribute"], row["windowStart"]]
        assert (row["sampleCount"], row["min"], row["max"]) == (other["sampleCount"], other["min"], other["max"])
        assert abs(float(row["sum"]) - float(other["sum"])) < 1e-9
    assert len(job("hourly", "--set", "from=2007-06-02", "--set", "to=2007-06-03")) == 2 * 4 * 24
    assert job("duplicates") == [] and len(job("gaps", "--set", "seconds=59")) >= len(job("gaps")) == 0
    assert [row["gateway"] for row in job("top-consumers")] == ["1", "0"], "the values of household 1 are greater by 0.001"
    assert len(job("peaks", "--set", "count=3")) == 6 and len(job("load-profile")) == 2 * 2 * 24
    assert [row["days"] for row in job("base-load", "--set", "to=2007-06-04")] == ["3", "3"] and [row["hours"] for row in job("month-on-month")] == ["73", "73"]
    meterline("batch", "run", ROOT / "share/jobs/peaks.sql", "--set", "number=3", status=1, says="no parameter 'number'; it has: attribute, count, from, to")


def test_daily_consumption_telescopes(meterline):
    need_library()
    rows = "".join(f"7,WATER,TOTAL_SUMMATION,2024-01-{day:02}T{hour:02}:00:00Z,{value}\n"
                   for day, hour, value in ((1, 0, 10), (1, 23, 14), (2, 12, 15), (4, 6, 40), (5, 0, 3), (5, 23, 4)))
    meterline("replay", "-t", "readings", meterline.file("registers.csv", batch_data.HEADER + rows))
    found = meterline("batch", "run", ROOT / "share/jobs/daily-consumption.sql", "--format", "csv")[0]
    assert [row["consumption"] for row in csv.DictReader(io.StringIO(found))] == ["", "1", "25", ""], "1 and 25 over a day without readings; the exchange is not counted"


def test_the_prompt_sees_log_and_store(meterline):
    need_library()
    meterline("replay", "-q", "-t", "synthetic", "--series", 8, "--interval", "10s", "--duration", "1h", "--bad", 0.05)
    meterline("run", "-q", "--final", "--windows", 600)

    def answer(sql, *more):
        return meterline("batch", "sql", "-e", sql, *more)[0]

    rejected = len(meterline.records("metrics-rejected"))
    assert answer("SELECT count(*) AS n FROM readings") == f"n\n{meterline.end_offsets() - rejected}\n"
    assert answer("SELECT sum(sampleCount) AS n, count(*) AS w FROM aggregates_600") == f"n,w\n{meterline.end_offsets() - rejected},{8 * 6}\n"
    assert answer("SELECT count(*) AS n, min(value) IS NULL AS e FROM latest", "--format", "json") == '{"n":8,"e":false}\n'
    assert answer("SELECT tumble(TIMESTAMPTZ '2024-01-01 12:34:56+00', 600) AS t, DATE '2024-02-29' AS d, 1.50::DECIMAL(4,2) AS x, 2::HUGEINT AS h, NULL AS e") == \
        "t,d,x,h,e\n2024-01-01T12:30:00Z,2024-02-29,1.50,2,\n"
    assert meterline("batch", "sql", input="CREATE TABLE t AS SELECT 1 AS a; SELECT a + 1 AS b FROM t;\n")[0] == "b\n2\n"
    meterline("batch", "sql", "-e", "SELECT [1, 2] AS list", status=1, says="CAST(list AS VARCHAR)")
    meterline("batch", "sql", "-e", "SELECT nothing FROM readings", status=1, says="nothing")
    meterline("batch", "sql", "-e", "", status=1, says="no statement")


def test_alarms_and_files(meterline):
    need_library()
    meterline("replay", "-t", "readings", meterline.file("rows.csv", batch_data.HEADER + "0,ELECTRICITY,VOLTAGE,2024-01-01T00:00:00Z,230\n0,ELECTRICITY,VOLTAGE,2024-01-01T00:01:00Z,260\n"))
    pipeline = ROOT / "share/pipelines/alarms.sql"
    meterline("run", "-q", "--until-end", pipeline)
    meterline("sql", "-e", "INSERT INTO ALARM_THRESHOLDS (SERIES, MIN_VALUE, MAX_VALUE) VALUES ('0.ELECTRICITY.VOLTAGE', 220.0, 250.0);")
    later = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:00Z")   # than the threshold's row
    meterline("replay", "-t", "readings", meterline.file("more.csv", batch_data.HEADER + f"0,ELECTRICITY,VOLTAGE,{later},261\n"))
    meterline("run", "-q", "--until-end", pipeline)
    assert meterline("batch", "sql", "-e", "SELECT gateway, attribute, ts, value, maxValue, alarmType FROM alarms")[0] == \
        f"gateway,attribute,ts,value,maxValue,alarmType\n0,VOLTAGE,{later},261,250,OVER\n"
    job = meterline.file("job.sql", "-- parameter v = 0\nSELECT value FROM readings WHERE value > ${v} ORDER BY value;\n")
    meterline("batch", "run", job, "--into", "csv", "--output", meterline.path("out.csv"), "--set", "v=240")
    assert meterline.path("out.csv").read_text() == "value\n260.0\n261.0\n"
    meterline("batch", "run", job, "--into", "parquet", "-o", meterline.path("out.parquet"))
    assert meterline("batch", "sql", "-e", f"SELECT count(*) AS n FROM '{meterline.path('out.parquet')}'")[0] == "n\n3\n"
    meterline("batch", "run", job, "--into", "csv", status=1, says="--output FILE")


def test_wrong_usage(meterline):
    need_library()
    meterline("topics", "create", "metrics")
    meterline("batch", "restore", status=2, says="none of recompute, restate, reconcile, run, sql")
    meterline("batch", "run", status=2, says="run needs a file")
    meterline("batch", "restate", "x", status=2, says="restate takes no file")
    meterline("batch", "recompute", "--windows", "10x", status=1, says=("--windows", "10x"))
    meterline("batch", "recompute", "--windows", "day@Europe/Athens", status=1, says="fixed sizes, not day@Europe/Athens")
    meterline("batch", "recompute", "--from", "yesterday", status=1, says="--from: 'yesterday'")
    meterline("batch", "reconcile", "--format", "csv", status=1, says="table, json or html")
    meterline("batch", "restate", status=1, says="the store has no windows")
    meterline("batch", "sql", "-e", "SELECT 1", "--duckdb", meterline.file("no.so", "x"), status=1, says="DuckDB's library cannot be loaded")
    environment = {"HOME": str(meterline.folder), "METERLINE_ENGINES_CACHE": str(meterline.folder)}
    meterline("batch", "sql", "-e", "SELECT 1", status=1, says=("'./dev duckdb'", "--duckdb FILE"), environment=environment)


def prototype(text):
    return re.sub(r"\s+", "", text).replace("(void)", "()")


def test_declarations_are_those_of_the_header(meterline):
    """Each function that is loaded is declared as in the header that comes with the library."""
    header = need_library().with_name("duckdb.h").read_text()
    header = re.sub(r"/\*.*?\*/|//[^\n]*", "", header, flags=re.S)
    ours = re.findall(r"DUCKDB\(([^,]+), (\w+), (\(.*?\))\) *\\?\n", (ROOT / "src/batch/duckdb/duckdb_api.h").read_text())
    assert len(ours) > 60
    for result, name, parameters in ours:
        theirs = re.search(rf"DUCKDB_C_API\s+([^;]*?)\bduckdb_{name}(\([^;]*\));", header)
        assert theirs, f"duckdb_{name} is not in the header"
        assert prototype(result + parameters) == prototype(theirs[1] + theirs[2]), f"duckdb_{name}: {theirs[0]}"
    values = dict(re.findall(r"DUCKDB_TYPE_(\w+) = (\d+)", header))
    number = 0
    for name, value in re.findall(r"^    DUCKDB_(\w+)(?: = (\d+))?,", (ROOT / "src/batch/duckdb/duckdb_api.h").read_text().split("DUCKDB_CHUNK_ROWS")[0], flags=re.M):
        number = int(value) if value else number + 1
        if name in values:
            assert int(values[name]) == number, name


# Six hours of rows late, over gaps of up to 62 hours: three days are more than any of it.
LONG = {"most": 360}


@slow
def test_household_of_half_a_year(meterline):
    path = SHARED / "household_power_consumption.txt.gz"
    if not path.exists():
        raise Skipped(f"{path} is not there")
    restate_equals_infinite_grace(meterline, write_late(meterline, "late.csv", edf_lines(path), **LONG), "3d")


@slow
def test_water_and_gas_of_a_hundred_days(meterline):
    files = {"WATER": SHARED / "Water_WHW.csv.gz", "GAS": SHARED / "NaturalGas_FRG.csv.gz"}
    if not all(path.exists() for path in files.values()):
        raise Skipped("the AMPds2 files are not there")
    minutes = zip(*(batch_data.ampds_lines(path, kind.lower(), kind, 100 * 1440) for kind, path in files.items()))
    rows = (water + gas for water, gas in minutes)   # side by side, as stream time is that of a partition
    restate_equals_infinite_grace(meterline, write_late(meterline, "late.csv", rows, **LONG), "3d")


def with_lake(meterline, days=4):
    """Late readings in log, store and lake."""
    need_library()
    meterline("replay", "-q", "-t", "readings", write_late(meterline, "late.csv", edf_lines(days=days)))
    meterline("run", "-q", "--final", "--lake", "default")


def data_files(meterline):
    return sorted((meterline.data / "lake/readings/data").rglob("*.parquet"))


def test_from_the_lake_as_from_the_log(meterline):
    with_lake(meterline)
    counts, report = reconciled(meterline)
    assert report["lake"]["files"] == len(data_files(meterline)) >= 1 and report["log"]["records"] == 0
    (meterline.data / "lake").rename(meterline.folder / "aside")
    assert reconciled(meterline)[0] == counts
    (meterline.folder / "aside").rename(meterline.data / "lake")
    meterline("batch", "restate", says="corrected")
    after, _ = reconciled(meterline)
    assert after == {"SAME": counts["SAME"], "REVISED": counts["LATE"]}


def test_lake_and_log_together(meterline):
    """What the lake does not have yet comes from the log, in the log's order."""
    need_library()
    rows = list(batch_data.with_late(edf_lines(days=4)))
    third = len(rows) // 3
    path = meterline.file("rows.csv", batch_data.HEADER)
    for part in range(3):
        with open(path, "a") as file:
            file.writelines(rows[part * third:(part + 1) * third])
        meterline("replay", "-q", "-t", "readings", path, *(["--resume"] if part else []))
        meterline("run", "-q", "--until-end", *(["--lake", "default"] if part < 2 else []))
    assert len(data_files(meterline)) == 2
    _, report = reconciled(meterline)
    assert report["log"]["records"] == third and report["lake"]["readings"] == 2 * third
    assert meterline("batch", "sql", "-e", "SELECT count(*) AS n, count(DISTINCT (gateway, type, attribute, ts)) AS d FROM readings")[0] == f"n,d\n{3 * third},{3 * third}\n"
    meterline("batch", "restate", says="corrected")
    meterline("run", "-q", "--final")
    for size, expected in infinite_grace(meterline, path).items():
        assert meterline.query(size) == expected, size


def test_query_reads_what_the_store_has_lost(meterline):
    with_lake(meterline)
    meterline("batch", "restate")
    whole = {order: meterline.query(3600, "--order", order) for order in ("asc", "desc")}
    with store(meterline) as database:
        oldest = database.execute("SELECT min(start) FROM store_aggregates_3600").fetchone()[0]
        database.execute("DELETE FROM store_aggregates_3600 WHERE start < ?", (oldest + 40 * 3600000,))
    assert meterline.query(3600, "--source", "store") != whole["asc"]
    for order in ("asc", "desc"):
        assert meterline.query(3600, "--order", order) == whole[order] == meterline.query(3600, "--order", order, "--source", "lake")
    assert meterline.query(3600, "--limit", 5, "--order", "desc").splitlines() == whole["desc"].splitlines()[:6]
    assert len(meterline.rows(1800, "--attribute", "VOLTAGE")) > 180, "a size that the store never had"
    environment = {"HOME": str(meterline.folder), "METERLINE_ENGINES_CACHE": str(meterline.folder)}
    out, err = meterline("query", "--window", 3600, "--format", "csv", environment=environment)
    assert "older than the store's are not shown" in err and len(out) < len(whole["asc"])


def test_damaged_and_missing_files_are_named(meterline):
    with_lake(meterline, days=2)
    victim = data_files(meterline)[0]
    whole = victim.read_bytes()
    for wrong in (whole[:len(whole) // 2], whole[:100] + bytes(200) + whole[300:], b""):
        victim.write_bytes(wrong)
        for words in (("reconcile",), ("restate",), ("sql", "-e", "SELECT max(gateway || type || attribute), max(ts), sum(value) FROM readings")):
            meterline("batch", *words, status=1, says=victim.name)
    victim.unlink()
    meterline("batch", "reconcile", status=1, says=victim.name)
    victim.write_bytes(whole)
    assert "UNEXPLAINED" not in reconciled(meterline)[0]


def test_a_lake_of_another_log(meterline):
    with_lake(meterline, days=1)
    other = meterline.folder / "other"
    meterline("replay", "-q", "-t", "synthetic", "--series", 4, "--duration", "1m", data=other)
    meterline("batch", "sql", "--lake", meterline.data / "lake", "-e", "SELECT 1", data=other, status=1, says="of another log")
