"""One pipeline in several forms: whatever its names, formats, order of columns, alias and further windows, the numbers are the same to the last bit, and the oracle's."""
import json
import shutil

from system_program import ROOT, oracle

WINDOWS = (60, 3600)
GRACE = 300
LOAD = ("-t", "synthetic", "--series", 24, "--duration", "5h", "--interval", "20s", "--disordered", 0.1, "--late", 0.03, "--bad", 0.02)
READINGS = """CREATE STREAM {name} ({key} STRING KEY, `gateway` STRING, `metricType` STRING, `metricAttribute` STRING, `timestamp` STRING, `value` DOUBLE)
  WITH (KAFKA_TOPIC='metrics', KEY_FORMAT='KAFKA', VALUE_FORMAT='AVRO', TIMESTAMP='`timestamp`', TIMESTAMP_FORMAT='ISO-8601',
  KEY_OF='`gateway`.`metricType`.`metricAttribute`', REQUIRED='`value`', MAX_AHEAD='1 DAY');
"""
TIME = "FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOW{}), 'yyyy-MM-dd''T''HH:mm:ssX')"
COLUMNS = ["COUNT(*) AS `sampleCount`", "MIN(`value`) AS `min`", "MAX(`value`) AS `max`", "SUM(`value`) AS `sum`", "AVG(`value`) AS `average`",
           "LATEST_BY_OFFSET(`metricType`) AS `metricType`", "LATEST_BY_OFFSET(`metricAttribute`) AS `metricAttribute`", "LATEST_BY_OFFSET(`gateway`) AS `gateway`",
           TIME.format("START") + " AS `windowStart`", TIME.format("END") + " AS `windowEnd`"]


def tables(topic, windows, name="T", source="READINGS", key="SERIES", alias="", columns=COLUMNS, output="JSON"):
    of = f"{alias}." if alias else ""
    text = READINGS.format(name=source, key=key)
    for window in windows:
        text += (f"CREATE TABLE {name}{window} WITH (KAFKA_TOPIC='{topic}-aggregates-{window}', VALUE_FORMAT='{output}', WINDOW_IN_KEY=FALSE) AS SELECT {of}{key} AS {key}, "
                 f"{', '.join(columns)} FROM {source} {alias} WINDOW TUMBLING (SIZE {window} SECONDS, GRACE PERIOD {GRACE} SECONDS) GROUP BY {of}{key} EMIT FINAL;\n")
    if output == "JSON":
        text += f"CREATE SINK CONNECTOR ROWS WITH ('type'='store', 'topics'='{', '.join(f'{topic}-aggregates-{window}' for window in windows)}');\n"
    return text


def shipped():
    text = (ROOT / "share/pipelines/aggregates.sql").read_text()
    return text + "CREATE SINK CONNECTOR ROWS WITH ('type'='store', 'topics'='metrics-aggregates-60, metrics-aggregates-3600');\n"


# name -> (statements; None: the default pipeline, topic of results, has it rows in the store)
FORMS = {
    "default": (None, "metrics", True),
    "shipped file": (shipped(), "metrics", True),
    "names, order and alias": (tables("mine", WINDOWS, "OTHER_", "R", "K", "X", COLUMNS[::-1]), "mine", True),
    "another format": (tables("avro", WINDOWS, "A", output="AVRO"), "avro", False),
    "further windows": (tables("more", (*WINDOWS, 7, 1234), "M"), "more", True),
}


def run_form(meterline, statements, data, *more):
    if statements is None:
        meterline("run", "--windows", ",".join(map(str, WINDOWS)), "--final", *more, data=data)
    else:
        meterline("run", meterline.file("form.sql", statements), "--final", *more, data=data)


def results_of(meterline, topic, window, data=None):
    """(series, start) -> numbers; each once."""
    found = {}
    for record in meterline.records(f"{topic}-aggregates-{window}", data=data):
        value = record["value"]
        place = record["key"], value["windowStart"]
        assert place not in found, f"{place} is there twice"
        found[place] = [value[name] for name in ("sampleCount", "min", "max", "sum", "average")]
    return found


def letters(meterline, kind, data=None):
    """Dead letters by where they came from; of late ones also whether each window of WINDOWS was missed."""
    found = {}
    for record in meterline.records(f"metrics-{kind}", data=data):
        headers = record["headers"]
        missed = tuple(str(window) in headers.get("late.windows", "").split(",") for window in WINDOWS)
        if kind == "rejected" or any(missed):
            place = int(headers["origin.partition"]), int(headers["origin.offset"])
            assert place not in found
            found[place] = missed, json.dumps(record["value"], sort_keys=True)
    return found


def expected_results(answer, window):
    return {(".".join(row[:3]), row[3]): [float(n) for n in row[5:]] for row in answer.rows(window)}


def test_one_pipeline_in_five_forms(meterline):
    meterline("replay", *LOAD)
    answer = oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, GRACE)
    first = None
    for name, (statements, topic, stored) in FORMS.items():
        data = meterline.folder / name.replace(" ", "-").replace(",", "")
        shutil.copytree(meterline.data, data)
        run_form(meterline, statements, data)
        for window in WINDOWS:
            found = {place: [float(n) for n in numbers] for place, numbers in results_of(meterline, topic, window, data).items()}
            assert found == expected_results(answer, window), f"{name}, {window} s"
        rows = [meterline("query", "--window", window, "--format", "csv", data=data)[0] for window in WINDOWS] if stored else None
        mail = letters(meterline, "late", data), letters(meterline, "rejected", data)
        first = first or (rows, mail)
        assert mail[0] and mail[1] and mail == first[1], name
        assert not stored or rows == first[0], name


def test_properties_of_the_shipped_form(meterline):
    """PARTITIONS and RETENTION_MS of a table count, whatever its form; one more table of the form, made later, changes nothing for the others."""
    meterline("replay", *LOAD)
    text = (ROOT / "share/pipelines/aggregates.sql").read_text().replace("WINDOW_IN_KEY = FALSE, QUERY_ID = 'AGGREGATES_60'",
                                                                        "WINDOW_IN_KEY = FALSE, QUERY_ID = 'AGGREGATES_60', PARTITIONS = 1, RETENTION_MS = 86400000")
    pipeline = meterline.file("p.sql", text)
    meterline("run", pipeline, "--until-end")
    out, _ = meterline("topics", "--format", "json")
    topics = {row["topic"]: row for row in map(json.loads, out.splitlines())}
    assert topics["metrics-aggregates-60"]["partitions"] == 1 and topics["metrics-aggregates-60"]["retentionTime"] == 86400000, topics["metrics-aggregates-60"]
    assert topics["metrics-aggregates-600"]["partitions"] == 4
    begin, end = text.index("CREATE TABLE AGGREGATES_600 "), text.index("CREATE TABLE AGGREGATES_3600")
    meterline("sql", "-e", text[begin:end].replace("AGGREGATES_600", "AGGREGATES_900").replace("-aggregates-600", "-aggregates-900").replace("SIZE 600", "SIZE 900"))
    _, err = meterline("run", pipeline, "--final")
    assert "AGGREGATES_900: read 0" not in err and "AGGREGATES_60: read 0 " in err, err
    answer = oracle.fold(oracle.topic_readings(meterline.dump()), (60, 900, 3600), GRACE)
    for window in (60, 900, 3600):
        assert {place: [float(n) for n in numbers] for place, numbers in results_of(meterline, "metrics", window).items()} == expected_results(answer, window), window
    meterline("sql", "-e", "DROP TABLE AGGREGATES_900;")
    _, err = meterline("run", pipeline, "--final")
    assert "AGGREGATES_900" not in err and "AGGREGATES_60: read 0 " in err, err
