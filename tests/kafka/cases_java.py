"""Java clients: what they write is read, with schemas that are not ours; what we write they read."""
import json
import pathlib
import random
import subprocess
import urllib.request

from program import oracle
from engines import jars

JAVA = pathlib.Path(__file__).resolve().parent / "java"


def java(meterline, program, *words, input=""):
    done = subprocess.run([*jars.java(True), "-cp", f"{jars.jar_folder('kafka')}/*", str(JAVA / program), meterline.bootstrap, meterline.environment["METERLINE_REGISTRY"], *map(str, words)],
                          input=input, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{program}: {done.stderr[-2000:]}"
    return [json.loads(line) for line in done.stdout.splitlines()]


def registered(meterline, name, schema):
    """The id of a schema under a subject of its own: for the registry these are not versions of one schema."""
    request = urllib.request.Request(f"{meterline.environment['METERLINE_REGISTRY']}/subjects/{name}-value/versions",
                                     json.dumps({"schema": json.dumps(schema)}).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["id"]


def text(name):
    return {"name": name, "type": {"type": "string", "avro.java.string": "String"}}


def record(name, *fields, space="auth.ece.common.model.avro"):
    return {"type": "record", "name": name, "namespace": space, "fields": list(fields)}


START = 1704067200000
SCHEMAS = {
    "javaorder": (record("MetricAvro", {"name": "value", "type": "double"}, text("timestamp"), text("metricAttribute"), text("metricType"), text("gateway")), "2024-01-01T00:00:10Z", 1.5),
    "int": (record("MetricAvro", text("gateway"), text("metricType"), text("metricAttribute"), text("timestamp"), {"name": "value", "type": "int"}), "2024-01-01T00:00:10Z", 7),
    "long": (record("MetricAvro", text("gateway"), text("metricType"), text("metricAttribute"), text("timestamp"), {"name": "value", "type": "long"}), "2024-01-01T00:00:10Z", 9007199254740992),
    "float": (record("MetricAvro", text("gateway"), text("metricType"), text("metricAttribute"), text("timestamp"), {"name": "value", "type": "float"}), "2024-01-01T00:00:10Z", 0.25),
    "millis": (record("Reading", text("gateway"), text("metricType"), text("metricAttribute"), {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                      {"name": "value", "type": "double"}, space="com.utility.meters"), START + 10000, 2.5),
    "micros": (record("Reading", text("gateway"), text("metricType"), text("metricAttribute"), {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                      {"name": "value", "type": "double"}, space="com.utility.micro"), (START + 10000) * 1000, 3.5),
    "nullable": (record("MetricAvro", {"name": "gateway", "type": ["null", "string"]}, text("metricType"), text("metricAttribute"), text("timestamp"),
                        {"name": "value", "type": ["null", "double"], "default": None}, space="n"), "2024-01-01T00:00:10Z", 4.5),
    "extra": (record("MetricAvro", {"name": "site", "type": {"type": "record", "name": "Site", "fields": [text("street"), {"name": "floors", "type": "int"}]}}, text("gateway"),
                     {"name": "tags", "type": {"type": "map", "values": "string"}}, text("metricType"), {"name": "history", "type": {"type": "array", "items": "double"}},
                     text("metricAttribute"), text("timestamp"), {"name": "value", "type": "double"}, {"name": "quality", "type": "string", "default": "good"}, space="x"),
              "2024-01-01T00:00:10Z", 5.5),
}


def test_readings_that_java_wrote(meterline):
    """Other orders, promoted types, logical times, namespaces, unions, and fields that nobody has asked for."""
    meterline("topics", "create", "metrics")
    lines = []
    for name, (schema, timestamp, value) in SCHEMAS.items():
        reading = {"gateway": name, "metricType": "WATER", "metricAttribute": "FLOW", "timestamp": timestamp, "value": value}
        if name == "extra":
            reading |= {"site": {"street": "Main", "floors": 3}, "tags": {"a": "b", "c": "d"}, "history": [1.0, 2.0], "quality": "bad"}
        lines.append(json.dumps({"schema": registered(meterline, name, schema), "record": reading, "key": f"{name}.WATER.FLOW"}))
    java(meterline, "AvroProducer.java", "metrics", input="".join(line + "\n" for line in lines))
    meterline("run", "--final")
    assert not meterline.records("metrics-rejected"), meterline.records("metrics-rejected")
    rows = {row["gateway"]: row for row in meterline.rows(60)}
    for name, (_, _, value) in SCHEMAS.items():
        assert float(rows[name]["sum"]) == float(value), f"{name}: {rows.get(name)}"
        assert rows[name]["windowStart"] == "2024-01-01T00:00:00Z"


def test_keys_land_where_java_puts_them(meterline):
    meterline("topics", "create", "keys", "--partitions", 7)
    chooser = random.Random(3)
    letters = "abcXYZ019.-_ äöß€日本語🙂"
    keys = sorted({"".join(chooser.choice(letters) for _ in range(chooser.randint(1, 40))) for _ in range(1000)})
    schema = record("Plain", text("v"), space="k")
    lines = "".join(json.dumps({"schema": schema, "record": {"v": "1"}, "key": key}) + "\n" for key in keys)
    for sent in java(meterline, "AvroProducer.java", "keys", input=lines):
        assert sent["partition"] == (oracle.murmur2(sent["key"].encode()) & 0x7FFFFFFF) % 7, sent


def test_java_reads_what_we_write(meterline):
    meterline("replay", "-t", "synthetic", "--series", 20, "--duration", "10m", "--bad", 0.01, "--late", 0.01)
    meterline("run", "--final")
    for topic in ("metrics-aggregates-60", "metrics-late"):
        ours = {(r["partition"], r["offset"]): r for r in meterline.records(topic)}
        theirs = java(meterline, "AvroConsumer.java", topic, len(ours), 30)
        assert len(theirs) == len(ours) > 0
        for r in theirs:
            mine = ours[r["partition"], r["offset"]]
            value = json.loads(r["value"]) if isinstance(r["value"], str) else r["value"]
            assert r["key"] == mine["key"] and value == mine["value"], f"{topic}: {r} but {mine}"
