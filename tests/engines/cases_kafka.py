"""Kafka by kcat and by Java's own clients: what is produced is consumed, with every security; brokers that are killed, stopped, paused; the Java peers."""
import json
from pathlib import Path

from engines import jars
from engines.kafka import Kafka
from engines.registry import SchemaRegistry
from expect import refused, running, soon

JAVA = Path(__file__).resolve().parents[1] / "kafka/java"
SCHEMA = {
    "type": "record", "name": "All", "namespace": "meterline.test", "fields": [
        {"name": "text", "type": "string"}, {"name": "double", "type": "double"}, {"name": "float", "type": "float"}, {"name": "int", "type": "int"},
        {"name": "time", "type": {"type": "long", "logicalType": "timestamp-millis"}}, {"name": "flag", "type": "boolean"},
        {"name": "bytes", "type": "bytes"}, {"name": "fixed", "type": {"type": "fixed", "name": "Two", "size": 2}},
        {"name": "enum", "type": {"type": "enum", "name": "Kind", "symbols": ["WATER", "GAS"]}}, {"name": "union", "type": ["null", "string", "long"]},
        {"name": "array", "type": {"type": "array", "items": "int"}}, {"name": "map", "type": {"type": "map", "values": "double"}},
        {"name": "absent", "type": "string", "default": "by default"}]}
RECORD = {"text": "grün", "double": 0.1, "float": 1.5, "int": -3, "time": 1167609600000, "flag": True, "bytes": "\u0000\u00ff", "fixed": "ab", "enum": "GAS",
          "union": None, "array": [1, 2], "map": {"a": 2.5}}


def check_round_trip(kafka, topic="readings", count=100):
    kafka.create_topic(topic, partitions=3)
    lines = [f"key{number}:value {number}" for number in range(count)]
    kafka.kcat("-P", "-t", topic, "-K", ":", input="\n".join(lines) + "\n")
    assert sorted(kafka.kcat("-C", "-t", topic, "-e", "-o", "beginning", "-f", "%k:%s\n").splitlines()) == sorted(lines)


def test_kafka():
    with running(Kafka()) as kafka:
        check_round_trip(kafka)
        refused(lambda: kafka.create_topic("readings"), "already exists")
        refused(lambda: kafka.create_topic("wide", replication=3), "replication factor")
        refused(lambda: kafka.kcat("-P", "-t", "nothing", "-X", "message.timeout.ms=1000", input="x\n"), "kcat")   # topics are not made by themselves
        kafka.stop_broker(1)
        kafka.start_broker(1)
        assert len(kafka.kcat("-C", "-t", "readings", "-e", "-o", "beginning").splitlines()) == 100


def check_log_in(security: str):
    with running(Kafka(security=security)) as kafka:
        check_round_trip(kafka)
        wrong = {"sasl.password": "wrong"} if kafka.security.mechanisms else {"security.protocol": "PLAINTEXT"}
        refused(lambda: kafka.kcat("-L", "-m", "1", properties=wrong), "Failed to acquire metadata")


def test_kafka_sasl_plain():
    check_log_in("sasl_plain")


def test_kafka_scram():
    check_log_in("scram")


def test_kafka_tls():
    check_log_in("tls")


def test_kafka_mutual_tls():
    with running(Kafka(security="mtls")) as kafka:
        check_round_trip(kafka)
        without = {"security.protocol": "ssl", "ssl.ca.location": str(kafka.certificates.ca)}
        refused(lambda: Kafka.kcat(Unarmed(kafka), "-L", "-m", "1", properties=without), "Failed to acquire metadata")


class Unarmed:
    """A cluster as somebody without a certificate sees it."""
    client: dict = {}

    def __init__(self, kafka):
        self.bootstrap = kafka.bootstrap


def test_kafka_sasl_tls():
    check_log_in("sasl_tls")


def test_kafka_three_brokers():
    with running(Kafka(brokers=3)) as kafka:
        check_round_trip(kafka)
        kafka.kill_broker(2)
        assert set(kafka.pids()) == {1, 3}
        soon(lambda: ids(kafka) == {1, 3}, "the killed broker is missed")
        kafka.kcat("-P", "-t", "readings", "-X", "acks=all", input="after the kill\n")
        kafka.start_broker(2)
        kafka.pause_broker(3)
        soon(lambda: ids(kafka) == {1, 2}, "the paused broker is missed")
        kafka.resume_broker(3)
        soon(lambda: ids(kafka) == {1, 2, 3}, "all are back")
        assert len(kafka.kcat("-C", "-t", "readings", "-e", "-o", "beginning").splitlines()) == 101


def ids(kafka) -> set[int]:
    return {broker["id"] for broker in json.loads(kafka.kcat("-L", "-J", broker=1))["brokers"]}


def test_java_peers():
    with running(Kafka()) as kafka, running(SchemaRegistry()) as registry:
        kafka.create_topic("metrics")
        number = registry.register("metrics-value", SCHEMA)
        sent = [{"schema": SCHEMA, "record": RECORD, "key": "0.WATER.FLOW"}, {"schema": number, "record": {**RECORD, "union": 7, "double": "NaN"}, "key": "ключ"},
                {"schema": json.dumps(SCHEMA), "record": {**RECORD, "union": "text"}, "key": "0.WATER.FLOW"}, {"key": "0.WATER.FLOW"}]
        lines = "\n".join(json.dumps(line) for line in sent)
        told = [json.loads(line) for line in jars.run_java("kafka", JAVA / "AvroProducer.java", kafka.bootstrap, registry.url, "metrics", input=lines).splitlines()]
        assert [(line["key"], line["schemaId"]) for line in told] == [(line["key"], number if "record" in line else None) for line in sent]
        kafka.kcat("-P", "-t", "metrics", "-k", "plain", "-H", "error=bad", input='{"x":1}\n')
        out = jars.run_java("kafka", JAVA / "AvroConsumer.java", kafka.bootstrap, registry.url, "metrics", 5, 20)
        records = {(record["partition"], record["offset"]): record for record in map(json.loads, out.splitlines())}
        for line, answer in zip(sent, told):
            read = records.pop((answer["partition"], answer["offset"]))
            expected = {**line["record"], "absent": "by default"} if "record" in line else None
            assert (read["key"], read["schemaId"], read["value"], read["headers"]) == (line["key"], answer["schemaId"], expected, []), read
        plain, = records.values()
        assert (plain["key"], plain["value"], plain["headers"], plain["schemaId"]) == ("plain", '{"x":1}', [{"key": "error", "value": "bad"}], None), plain
        refused(lambda: jars.run_java("kafka", JAVA / "AvroConsumer.java", kafka.bootstrap, registry.url, "metrics", 6, 10), "only 5 of 6 records came")


def test_kafka_that_cannot_start_says_why():
    refused(Kafka(config={"log.retention.bytes": "nonsense"}).start, "nonsense")
    refused(Kafka(heap="1m").start, "died while starting", "heap")
    refused(lambda: Kafka(security="nonsense"), "sasl_plain, scram, tls")
