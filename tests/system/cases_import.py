"""CSV of anybody's making: what comes in once, whatever it is called, and what is kept apart. The units of it are in tests/unit/import_test.c."""
import gzip
import json

from system_program import ROOT, SHARED, Skipped

FLATS = ROOT / "share/sample"
HOW = ("-t", "ELECTRICITY", "-a", "ENERGY", "-z", "Europe/Vienna")


def rejected(meterline):
    out, _ = meterline("tail", "metrics-rejected", "-b", "--until-end", "-f", "json")
    return [json.loads(line) for line in out.splitlines()]


def test_import_of_overlapping_months(meterline):
    october, november = FLATS / "flats-2024-10.csv", FLATS / "flats-2024-11.csv"
    _, err = meterline("import", *HOW, november, october, "--write-map", meterline.path("flats.map"),
                       says=["as the one before", "721 readings of 3 series", "72 repeats", "2 wrong", "2 of sums or names passed over", "published 721 readings"])
    assert meterline.end_offsets() == 721
    wrong = rejected(meterline)
    assert [row["headers"]["origin.line"] for row in wrong] == ["12", "40"], wrong
    assert wrong[0]["value"] == "Ausfall;;;;" and wrong[1]["headers"]["error"].startswith('column "Wohnung 2": "Fehler" is no number'), wrong
    copy = meterline.file("copy.csv.gz", gzip.compress(october.read_bytes()))
    meterline("import", "--map", meterline.path("flats.map"), copy, says=["433 of them are in topic metrics already, and 0 are left", "published 0 readings", "already"])
    assert meterline.end_offsets() == 721 and len(rejected(meterline)) == 2
    meterline("run", "-q", "--until-end", "--final")
    days = meterline.rows(86400, "--gateway", "Wohnung 1")
    assert len(days) == 11 and all(row["attribute"] == "ENERGY" for row in days), days
    assert sum(int(row["sampleCount"]) for row in meterline.rows(86400)) == 721


def test_import_another_value_and_what_is_behind(meterline):
    first = meterline.file("a.csv", "t;v\n13.01.2024 00:00;1,5\n14.01.2024 00:00;2\n")
    meterline("import", *HOW, "-g", "g", first, says="published 2 readings")
    other = meterline.file("b.csv", "t;v\n13.01.2024 00:00;1,75\n12.01.2024 00:00;2\n")
    meterline("import", *HOW, "-g", "g", other, says=["1 are older than the newest of their series in topic metrics", "published 1 readings", "1 wrong rows are on metrics-rejected"])
    assert rejected(meterline)[0]["headers"]["error"] == "g,ELECTRICITY,ENERGY,2024-01-12T23:00:00Z,1.75 has 1.75 at 2024-01-12T23:00:00Z, and topic metrics says 1.5"
    meterline("import", *HOW, "-g", "g", "--again", first, says="published 2 readings")
    assert meterline.end_offsets() == 5


def test_import_shows_before_it_writes(meterline):
    path = meterline.file("a.csv", "t;v\n13.01.2024 00:00;1,5\nx;2\n")
    out, _ = meterline("import", *HOW, "-g", "g", "--dry-run", path)
    assert '"v" -> g.ELECTRICITY.ENERGY   first: 1,5' in out and not meterline.data.exists(), out
    meterline("import", *HOW, "-g", "g", "--strict", path, status=1, says=["1 rows are wrong, and --strict takes none", 'a.csv:3: "x" is no date'])
    assert not meterline.data.exists()
    out, _ = meterline("import", *HOW, "-g", "g", "--dry-run", "-", input=path.read_bytes())
    assert "standard input: 2 rows" in out, out
    meterline("import", *HOW, "-g", "g", path, "--write-map", path, status=1, says="is there already")
    for words, says in ((("-z", "Europe/Wien"), "unknown time zone"), (("--header", "x"), "--header x"), (("--date", "us"), "day-first|month-first|year-first")):
        meterline("import", *HOW, "-g", "g", path, *words, status=2 if words[0] != "-z" else 1, says=says)


def test_import_real_data(meterline):
    power = SHARED / "household_power_consumption.txt.gz"
    if not power.exists():
        raise Skipped(f"{power} is not there")
    out, _ = meterline("import", "-n", "-g", "0", "-t", "ELECTRICITY", "-z", "UTC", power)
    assert '"Date" and "Time" as day/month/year, local time of UTC; most steps are 1 min' in out, out
    assert "260640 rows: 1798083 readings of 7 series, 26397 cells without a value, 0 repeats, 0 wrong" in out, out
