"""Five people, each from an empty folder to what they came for; what comes out is computed a second time here, from their own files."""
import collections
import csv
import datetime
import gzip
import io
import json
import os
import shutil
import signal
import sqlite3
import zoneinfo

from system_program import ROOT, SAMPLE, SHARED, Skipped

VIENNA = zoneinfo.ZoneInfo("Europe/Vienna")
UTC = datetime.timezone.utc


def table(out):
    return list(csv.DictReader(io.StringIO(out)))


def iso(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def flat_days():
    """Use of each flat by local day, from the files as they are; an hour of two months counts once."""
    hours = {}
    for month in (10, 11):
        rows = (ROOT / f"share/sample/flats-2024-{month}.csv").read_bytes().decode("cp1252").splitlines()
        names, seen = rows[0].split(";")[1:4], set()
        for row in rows[2:]:
            cells = row.split(";")
            if not cells[0][:1].isdigit():
                continue
            local = datetime.datetime.strptime(cells[0], "%d.%m.%Y %H:%M")
            moment = iso(local.replace(tzinfo=VIENNA, fold=local in seen))
            seen.add(local)
            for name, cell in zip(names, cells[1:]):
                if cell.replace(",", "").isdigit():
                    hours[name, moment] = (local.date(), float(cell.replace(",", ".")))
    days = collections.Counter()
    for (name, _), (day, use) in hours.items():
        days[name, day] += use
    return days


def test_story_building_manager(meterline):
    """Two months of a portal; use by day and month of each flat, and the days above 5 kWh, once each."""
    flats = [ROOT / f"share/sample/flats-2024-{month}.csv" for month in (11, 10)]  # in the wrong order
    how = ["-t", "ELECTRICITY", "-a", "ENERGY"]
    meterline("import", *flats, status=1, says="--attribute ENERGY")
    meterline("import", *how, *flats, status=1, says="--zone Europe/Vienna")
    meterline("import", *how, "-z", "Europe/Vienna", *flats, says="published 721 readings")
    meterline("run", "-q", "--windows", "day@Europe/Vienna,month@Europe/Vienna", "--grace", "1h", "--until-end", "--final")
    days = flat_days()
    got = {(row["gateway"], row["windowStart"]): float(row["sum"]) for row in table(meterline.query("day@Europe/Vienna"))}
    assert len(got) == 30 and set(got) == {(name, iso(datetime.datetime(day.year, day.month, day.day, tzinfo=VIENNA))) for name, day in days}
    for (name, day), use in days.items():
        assert abs(got[name, iso(datetime.datetime(day.year, day.month, day.day, tzinfo=VIENNA))] - use) < 1e-9, (name, day)
    months = table(meterline.query("month@Europe/Vienna"))
    assert abs(sum(float(row["sum"]) for row in months) - sum(days.values())) < 1e-9 and len(months) == 6
    meterline("run", "-q", "--group", "limit", "--until-end", "--final", meterline.file("limit.sql", (ROOT / "docs/recipe-flats.md").read_text().split("<<'END'\n")[1].split("END\n")[0]))
    alarms = [json.loads(line) for line in meterline("tail", "above_limit", "-b", "--until-end", "-f", "json")[0].splitlines()]
    assert sorted((alarm["key"], alarm["value"]["DAY"]) for alarm in alarms) == sorted((name, str(day)) for (name, day), use in days.items() if use > 5)


def test_story_researcher(meterline):
    """All columns of two datasets; hourly means, gaps and months of one against the other."""
    power, water = SHARED / "household_power_consumption.txt.gz", SHARED / "Water_WHW.csv.gz"
    if not power.exists() or not water.exists():
        raise Skipped(f"{SHARED} has no datasets")
    meterline("import", "-q", "-g", "uci", "-t", "ELECTRICITY", "-z", "UTC", power)
    meterline("import", "-q", "-g", "ampds", "-t", "WATER", water)
    meterline("run", "-q", "--windows", "3600,month@UTC", "--until-end", "--final")
    sums, empty = collections.defaultdict(list), set()
    with gzip.open(power, "rt") as rows:
        next(rows)
        for row in rows:
            cells = row.split(";")
            day, month, year = map(int, cells[0].split("/"))
            hour = f"{year:04}-{month:02}-{day:02}T{cells[1][:2]}:00:00Z"
            if cells[4] == "?":
                empty.add(hour)
            else:
                sums[hour].append(float(cells[4]))
    rows = table(meterline.query(3600, "-g", "uci", "-a", "Voltage"))
    assert [row["windowStart"] for row in rows] == sorted(sums)
    for row in rows:
        assert abs(float(row["average"]) - sum(sums[row["windowStart"]]) / len(sums[row["windowStart"]])) < 1e-9, row
    gaps = table(meterline("query", "-w", "1h", "-g", "uci", "-a", "Voltage", "--gaps")[0])
    assert sum(int(gap["windows"]) for gap in gaps) == len(empty - set(sums)) > 0, gaps
    months = {(row["gateway"], row["windowStart"][:7]): int(row["sampleCount"]) for row in table(meterline.query("month@UTC")) if row["attribute"] in ("Voltage", "avg_rate")}
    assert months["ampds", "2013-02"] == 28 * 1440 and months["uci", "2007-02"] == sum(len(values) for hour, values in sums.items() if hour[:7] == "2007-02")


def test_story_ksqldb_user(meterline):
    """A file of theirs, checked first, statement by statement; the prompt's commands; a push query."""
    text = (ROOT / "docs/bring-your-ksqldb-file.md").read_text().split("<<'END'\n")[1].split("END\n")[0]
    path = meterline.file("mine.sql", text)
    meterline("check", path)
    wrong = meterline.file("wrong.sql", text.replace("`metricAttribute` = 'VOLTAGE'", "metric_attribute = 'VOLTAGE'"))
    meterline("run", "--until-end", wrong, status=1, says=["wrong.sql", "there is no column METRIC_ATTRIBUTE"])
    meterline("replay", "-q", "-t", "electricity", "-c", 4000, SAMPLE)
    meterline("run", "-q", "--until-end", path)
    assert meterline("sql", "-e", "SHOW STREAMS;")[0].count("\n") == 3
    assert meterline("sql", "-e", "SELECT * FROM LATEST;")[0] == "gateway,LAST_SEEN\n0,2007-06-01T16:39:00Z\n"
    assert meterline("sql", "-b", "-e", "SELECT COUNT(*) AS N FROM VOLTAGES GROUP BY 'all' EMIT CHANGES LIMIT 1000;")[0].splitlines()[-1] == "1000"
    counts = [json.loads(line)["value"]["N"] for line in meterline("tail", "UPLINKS", "-b", "--until-end", "-f", "json")[0].splitlines()]
    assert max(counts) == 20  # four attributes in each of five minutes


def test_story_operator(meterline):
    """A live run that says what runs, killed and started again; lag 0; a backup that goes on; why a number is as it is."""
    meterline("replay", "-q", "-t", "electricity", "-c", 40000, SAMPLE)
    run = meterline.start("run")
    line = run.stderr.readline()
    assert line.startswith("meterline ") and "group run runs 4 queries on" in line and "Ctrl-C stops it" in line, line
    meterline.wait_for(lambda: b"metrics" in meterline.shown("topics"), run)
    run.kill()
    run.wait()
    run = meterline.start("run")

    def caught_up():
        lags = [row["lag"] for row in table(meterline("topics", "metrics", "-f", "csv")[0].split("lastAppend\n")[1].split("\n", 4)[4])]
        return lags and set(lags) == {"0"}
    meterline.wait_for(caught_up, run)
    run.send_signal(signal.SIGTERM)
    _, err = run.communicate(timeout=60)
    assert run.returncode == 0 and "read 40000 = folded 40000" in err, err
    (backup := meterline.path("backup")).mkdir(mode=0o700)
    source, copy = sqlite3.connect(meterline.data / "meterline.db"), sqlite3.connect(backup / "meterline.db")
    source.backup(copy)
    source.close()
    copy.close()
    os.chmod(backup / "meterline.db", 0o600)
    shutil.rmtree(meterline.data)
    meterline("run", "-q", "--until-end", "--final", data=backup)
    out, _ = meterline("query", "-w", 3600, "-g", 0, "-t", "ELECTRICITY", "-a", "VOLTAGE", "--from", "2007-06-02T10:00", "--why", data=backup)
    rows = {row["what"]: row for row in table(out)}
    assert rows["read"]["count"] == rows["row"]["count"] == "60" and rows["read"]["sum"] == rows["row"]["sum"] and rows["late"]["count"] == "0", out


def test_story_careless_typist(meterline):
    """One thing wrong after the other; each message is followed to the next step, and what was right counts once."""
    path = meterline.file("mine.csv", "when,kitchen\n01/02/2024 00:00,1.5\n02/02/2024 00:00,2.5\n")
    meterline("imprt", path, status=2, says="did you mean import?")
    meterline("import", "mine.cvs", status=1, says="there is no such file")
    words = []
    for says, more in (("which meter is it of? --gateway NAME", ["--gateway", "home"]), ("what does \"kitchen\" measure? --attribute", ["--attribute", "ENERGY"]),
                       ("what is metered? --type", ["--type", "ELECTRICITY"]), ("say --date day-first", ["--date", "day-first"]), ("--zone UTC", ["--zone", "UTC"])):
        meterline("import", *words, path, status=1, says=says)
        words += more
    assert not meterline.data.exists()
    meterline("import", *words, path, says="published 2 readings")
    meterline("import", *words, path, says="published 0 readings")
    meterline("query", status=1, says="meterline run")
    meterline("run", "-q", "--until-end", "--final")
    meterline("query", "-w", "1d", "-g", "house", says="did you mean home?")
    assert [row["windowStart"] for row in table(meterline.query("1d", "-g", "home"))] == ["2024-02-01T00:00:00Z", "2024-02-02T00:00:00Z"]


def test_check_knows_names(meterline):
    """check plans what it checks: names and types by the file's own sources, or with --log by those of the log."""
    declared = "CREATE STREAM S (K STRING KEY, V INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);\n"
    for statement, says in (("CREATE STREAM B AS SELECT W FROM S;", "line 2, column 27: there is no column W"), ("CREATE STREAM B AS SELECT * FROM SS;", "line 2, column 34: there is no stream or table SS; did you mean S?"),
                            ("INSERT INTO S (K, V) VALUES ('a', 'b');", "STRING cannot be assigned to INTEGER"), ("CREATE TABLE T AS SELECT V, COUNT(*) FROM S;", "cannot be used without GROUP BY")):
        meterline("check", "-e", declared + statement, status=1, says=says)
    meterline("check", "-e", declared + "CREATE STREAM B AS SELECT K, V + 1 AS W FROM S; CREATE STREAM C AS SELECT K, W FROM B;")
    assert not meterline.data.exists()
    meterline("check", "-e", "SELECT V FROM S;", status=1, says="there is no stream or table S")
    meterline("check", "--log", "-e", "SELECT V FROM S;", status=1, says="there is no data folder")
    meterline("sql", "-q", "-e", declared)
    meterline("check", "--log", "-e", "SELECT V FROM S;")
    meterline("check", "--log", "-e", declared + "SELECT W FROM S;", status=1, says="there is no column W")
    meterline("check", "-e", "CREATE STREAM A (K STRING KEY) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='AVRO', PARTITIONS=1); SELECT X FROM A;", says="names were not checked")


def test_what_a_query_makes_and_print_of_avro(meterline):
    _, err = meterline("sql", "-e", "CREATE STREAM S (K STRING KEY, V INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1); CREATE TABLE C AS SELECT K, COUNT(*) AS N FROM S GROUP BY K;")
    assert "is declared, into C: a 'meterline run' on this log runs it" in err, err
    meterline("sql", "-e", "SELECT * FROM C;", status=1, says="topic C of C is not there: what a query makes is there when a 'meterline run' runs it")
    meterline("run", "-q", "--until-end")
    assert meterline("sql", "-e", "SELECT * FROM C;")[0] == "K,N\n"
    meterline("replay", "-q", "-t", "synthetic", "--duration", "5s")
    out, _ = meterline("sql", "--format", "json", "-e", "PRINT 'metrics' FROM BEGINNING LIMIT 1;")
    assert json.loads(out)["value"]["metricType"] == "ELECTRICITY", out
