"""Readings over MQTT: topics, acknowledgements after the commit, clients that are wrong, slow, or come twice; deliveries that are repeated."""
import re
import shutil
import socket
import sqlite3
import subprocess
import time

from ingest_server import Ingest
from mqtt_client import DISCONNECT, PINGRESP, PUBACK, PUBCOMP, PUBREC, SUBACK, Mqtt, packet, text
from system_program import Skipped, slow

ELSEWHERE = "meterline/v1/{}/WATER/FLOW"


class MqttIngest(Ingest):
    def __init__(self, meterline, *words, mqtt="127.0.0.1:0", **how):
        super().__init__(meterline, "--mqtt", mqtt, *words, **how)
        self.mqtt = int(self.wait(lambda: re.search(r"mqtts?://[\d.]+:(\d+) takes readings", self.said()))[1])


def stored(meterline, topic="metrics"):
    return sorted((".".join(record["value"][name] for name in ("gateway", "metricType", "metricAttribute")), record["value"]["value"]) for record in meterline.records(topic))


def test_mqtt_topics(meterline):
    ingest = MqttIngest(meterline)
    for version in (4, 5):
        client = Mqtt(ingest.mqtt, client=f"dev{version}", version=version)
        assert client.code == 0
        for number, (topic, payload) in enumerate((
                ("meterline/v1/gw 1/WATER/FLOW", f'{{"value":{version},"timestamp":1700000000000}}'),
                ("meterline/v1/readings", f'[{{"gateway":"g","metricType":"T","metricAttribute":"a{version}","timestamp":"2024-01-01T00:00:00Z","value":1}},{{"gateway":""}}]'),
                ("meterline/v1/lines/s", f"m,gateway=l v={version} 1700000000\nm bad"), ("telegraf/h/cpu", f"cpu,host=h u={version} 1700000000000000000"),
                ("v1/devices/me/telemetry", '{"ts":1700000000000,"values":{"t":1.5,"on":true}}'), ("v1/gateway/telemetry", f'{{"D{version}":[{{"t":1}}]}}'),
                ("meterline/v1/lines/fortnights", "m v=1"), ("meterline/v1/a/b", "1"), ("home/tap", "x")), 1):
            client.publish(topic, payload, number=number)
        for number in range(1, 10):   # in their order
            assert client.read() == (PUBACK, number.to_bytes(2, "big"))
        client.send(packet(0xC0, b""))
        assert client.read()[0] == PINGRESP
        client.send(packet(0x82, b"\0\7" + (b"\0" if version == 5 else b"") + text("a/#") + b"\1" + text("b") + b"\0"))
        kind, body = client.read()
        assert kind == SUBACK and body.endswith(b"\x80\x80") and (version == 4 or b"no broker" in body), body
        client.send(packet(0xE0, b""))
        assert client.closed() == []
    ingest.stop()
    assert stored(meterline) == sorted([(f"gw 1.WATER.FLOW", v) for v in (4, 5)] + [(f"g.T.a{v}", 1) for v in (4, 5)] + [("l.M.m_v", v) for v in (4, 5)]
                                       + [("h.CPU.cpu_u", v) for v in (4, 5)] + [(f"dev{v}.TELEMETRY.t", 1.5) for v in (4, 5)] + [(f"D{v}.TELEMETRY.t", 1) for v in (4, 5)])
    errors = sorted(record["headers"]["error"] for record in meterline.records("metrics-rejected"))
    assert len(errors) == 10 and sum("topic home/tap: no topic of readings" in error for error in errors) == 2, errors
    assert sum("ns, us, ms or s" in error for error in errors) == 2 and sum("a field without =" in error for error in errors) == 2


def test_mqtt_qualities_of_service(meterline):
    ingest = MqttIngest(meterline)
    client = Mqtt(ingest.mqtt)
    topic = ELSEWHERE.format("g")
    client.publish(topic, "1", qos=2, number=7)
    assert client.read() == (PUBREC, b"\0\7")
    client.publish(topic, "1", qos=2, number=7, dup=True)   # the same again, before its PUBREL
    assert client.read() == (PUBREC, b"\0\7")
    for _ in range(2):
        client.send(packet(0x62, b"\0\7"))
        assert client.read() == (PUBCOMP, b"\0\7")
    client.publish(topic, "2", qos=2, number=7)   # the number is free again
    assert client.read() == (PUBREC, b"\0\7")
    client.publish(topic, "3", qos=0)
    client.send(packet(0xE0, b""))   # what was published before the end counts
    assert client.closed() == []
    ingest.stop()
    assert [value for _, value in stored(meterline)] == [1, 2, 3]


def test_mqtt_wrong_clients(meterline):
    """What breaks the protocol ends its connection, with the reason where the version has one; the others go on."""
    ingest = MqttIngest(meterline, "--head-timeout", "300ms")
    other = Mqtt(ingest.mqtt, client="other")
    connect = packet(0x10, text("MQTT") + b"\5\2\0\0\0" + text("c"))
    for data, reason in ((b"\x30\x80\x80\x80\x80\1", 0x81), (b"\x30\xff\xff\xff\x7f", 0x95), (packet(0x36, text("a") + b"\0\1"), 0x81), (packet(0x32, text("a") + b"\0\0\0"), 0x81),
                         (packet(0x30, text("a/+") + b"\0"), 0x81), (packet(0x32, text("a") + b"\0\1\3\x23\0\1" + b"1"), 0x94), (connect, 0x82), (packet(0x20, b"\0\0\0"), 0x82),
                         (packet(0x40, b"\0\1"), 0x82), (packet(0xF0, b"\0"), 0x82), (packet(0x60, b"\0\1"), 0x81), (b"\0\0", 0x81)):
        client = Mqtt(ingest.mqtt, connect=False)
        client.send(connect + data)
        packets = client.closed()
        assert packets[-1][0] == DISCONNECT and packets[-1][1][0] == reason, (data, packets)
    for data in (b"GET / HTTP/1.1\r\n\r\n", packet(0xC0, b""), packet(0x10, text("MQTT") + b"\3\2\0\0" + text("c")), packet(0x10, text("MQIsdp") + b"\3\2\0\0" + text("c")), b"\x10"):
        client = Mqtt(ingest.mqtt, connect=False)
        client.send(data)   # the last one says no more, and has too little time for that
        assert all(kind != 2 for kind, _ in client.closed())
    other.publish(ELSEWHERE.format("g"), "1")
    assert other.read()[0] == PUBACK
    ingest.stop()
    assert len(stored(meterline)) == 1


def test_mqtt_takes_over_and_keeps_alive(meterline):
    ingest = MqttIngest(meterline, "--workers", "3")
    first = [Mqtt(ingest.mqtt, client=f"same{number}", version=5) for number in range(8)]
    second = [Mqtt(ingest.mqtt, client=f"same{number}") for number in range(8)]
    assert all(client.closed()[-1][1][0] == 0x8E for client in first)
    for client in second:
        client.publish(ELSEWHERE.format("g"), "1")
        assert client.read()[0] == PUBACK
    nameless = [Mqtt(ingest.mqtt, client="", version=5) for _ in range(2)]   # do not push each other away
    silent = Mqtt(ingest.mqtt, client="silent", version=5, keep_alive=1)
    assert silent.closed()[-1][1][0] == 0x8D
    for client in nameless:
        client.publish(ELSEWHERE.format("g"), "1", number=3)
        assert client.read() == (PUBACK, b"\0\3")
    ingest.process.terminate()
    assert all(client.closed()[-1][1][0] == 0x8B for client in nameless)
    assert ingest.process.wait(60) == 0
    assert len(stored(meterline)) == 10


def test_mqtt_tokens(meterline):
    """A token is the user name or the password; what it may not write is kept apart."""
    create = lambda *words: meterline("token", "create", *words)[0].strip()
    house, reader = create("--scope", "ingest:house-*", "--name", "house-9"), create("--scope", "query")
    ingest = MqttIngest(meterline)
    assert Mqtt(ingest.mqtt, password=reader).code == 5 and Mqtt(ingest.mqtt, version=5, password=reader).code == 0x87
    client = Mqtt(ingest.mqtt, password=house)
    for number, gateway in enumerate(("house-1", "barn"), 1):
        client.publish(ELSEWHERE.format(gateway), "1", number=number)
        assert client.read() == (PUBACK, number.to_bytes(2, "big"))
    client.publish("v1/devices/me/telemetry", '{"t":1}')
    assert client.read()[0] == PUBACK
    said = ingest.stop()
    assert house not in said
    assert [name for name, _ in stored(meterline)] == ["house-1.WATER.FLOW", "house-9.TELEMETRY.t"]
    assert "may not write" in meterline.records("metrics-rejected")[0]["headers"]["error"]


def test_mqtt_log_takes_nothing(meterline):
    """While another holds the log nothing is acknowledged and the connection stays; then all of it is."""
    ingest = MqttIngest(meterline, "--max-wait", "200ms")
    client = Mqtt(ingest.mqtt)
    holder = sqlite3.connect(meterline.data / "meterline.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    client.publish(ELSEWHERE.format("g"), "1", number=1)
    ingest.wait(lambda: ingest.request("GET", "/readyz").status == 503)
    client.publish(ELSEWHERE.format("g"), "2", number=2)
    client.socket.settimeout(0.5)
    try:
        assert not client.read(), "it was acknowledged"
    except TimeoutError:
        pass
    holder.execute("COMMIT")
    client.socket.settimeout(60)
    assert sorted(client.read() for _ in range(2)) == [(PUBACK, b"\0\1"), (PUBACK, b"\0\2")]
    ingest.stop()
    assert [value for _, value in stored(meterline)] == [1, 2]


@slow
def test_mqtt_killed_between_receipt_and_acknowledgement(meterline):
    """A reading that was acknowledged is there, and counts once however often it was sent."""
    ingest = MqttIngest(meterline)
    acknowledged, sent = 0, 0
    for _ in range(4):
        client = Mqtt(ingest.mqtt)
        for number in range(1, 400):
            sent = acknowledged + number
            client.publish(ELSEWHERE.format("g"), f'{{"value":{sent},"timestamp":{1700000000000 + sent}}}', number=number)
        for _ in range(37):
            assert client.read()[0] == PUBACK
            acknowledged += 1
        ingest.process.kill()
        ingest.process.wait()
        ingest = MqttIngest(meterline)
    ingest.stop()
    values = {value for _, value in stored(meterline)}
    assert values >= set(range(1, acknowledged + 1)), sorted(set(range(1, acknowledged + 1)) - values)[:5]
    meterline("run", "--until-end", "--final")
    assert sum(int(row["sampleCount"]) for row in meterline.rows()) == len(values)


def test_mqtt_mosquitto_clients(meterline):
    if not shutil.which("mosquitto_pub"):
        raise Skipped("mosquitto-clients are not installed")
    ingest = MqttIngest(meterline)
    where = ["-h", "127.0.0.1", "-p", str(ingest.mqtt)]
    for version in ("mqttv311", "mqttv5"):
        for qos in range(3):
            subprocess.run(["mosquitto_pub", *where, "-V", version, "-q", str(qos), "-t", ELSEWHERE.format(version), "-m", str(qos)], check=True, timeout=60)
        lines = "".join(f"{number}\n" for number in range(500))
        subprocess.run(["mosquitto_pub", *where, "-V", version, "-q", "1", "-l", "-t", f"meterline/v1/many/T/{version}"], input=lines, text=True, check=True, timeout=60)
        refused = subprocess.run(["mosquitto_sub", *where, "-V", version, "-t", "#"], capture_output=True, text=True, timeout=60)
        assert "denied" in refused.stderr, refused
    ingest.stop()
    assert stored(meterline) == sorted([(f"{version}.WATER.FLOW", qos) for version in ("mqttv311", "mqttv5") for qos in range(3)]
                                       + [(f"many.T.{version}", number) for version in ("mqttv311", "mqttv5") for number in range(500)])


def test_repeats_through_two_nodes(meterline):
    """A retry through another node, and readings that come again in other batches, change no sum; also when a run ends in between."""
    nodes = [Ingest(meterline), Ingest(meterline)]
    line = lambda number: f"m,gateway=g v={number} {1700000000 + number}\n"
    for round_, step in enumerate((7, 11)):   # Telegraf sends again in batches that begin elsewhere
        for first in range(0, 77, step):
            nodes[(round_ + first) % 2].post("/write?precision=s", "".join(map(line, range(first, min(first + step, 77)))), 204)
        meterline("run", "--until-end")
    same = '[{"gateway":"k","metricType":"T","metricAttribute":"a","timestamp":"2023-11-14T22:13:20Z","value":1},{"gateway":"k","metricType":"T","metricAttribute":"a","timestamp":"2023-11-14T22:13:20Z","value":1}]'
    for node in nodes:
        for key in ("one", "two", "one"):
            node.post("/api/v1/readings", same, 200, Content_Type="application/json", Idempotency_Key=key)
    nodes[0].post("/api/v1/readings", same.replace("1}", "2}"), 422, Content_Type="application/json", Idempotency_Key="one")
    for node in nodes:
        node.stop()
    err = meterline("run", "--until-end", "--final")[1]
    counts = {row["gateway"]: int(row["sampleCount"]) for row in meterline.rows()}
    assert counts == {"g": 77, "k": 4}, counts
    assert len(meterline.records("metrics")) > 81 and "duplicate" in err, err


class Mosquitto:
    """A broker of its own, on a port that is free."""

    def __init__(self, meterline):
        binary = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
        if not binary or not shutil.which("mosquitto_pub"):
            raise Skipped("mosquitto is not installed")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.command = [binary, "-c", str(meterline.file("mosquitto.conf", f"listener {self.port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"))]
        self.meterline = meterline
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        self.meterline.started.append(self.process)
        until = time.monotonic() + 60
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                assert time.monotonic() < until and self.process.poll() is None, "mosquitto does not listen"
                time.sleep(0.05)

    def publish(self, topic, numbers):
        lines = "".join(f'{{"value":{number},"timestamp":{1700000000000 + number}}}\n' for number in numbers)
        subprocess.run(["mosquitto_pub", "-p", str(self.port), "-q", "1", "-l", "-t", topic], input=lines, text=True, check=True, timeout=60)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def subscribed(node, times=1):
    return lambda: node.said().count("subscribed to") >= times


def test_broker(meterline):
    """Everything that the broker had is stored, though ingest is killed and the broker restarted in between; and counts once."""
    broker = Mosquitto(meterline)
    words = ("--broker", f"mqtt://127.0.0.1:{broker.port}", "--broker-client-id", "meterline")
    node = Ingest(meterline, *words)
    node.wait(subscribed(node))
    topic = "meterline/v1/g/WATER/FLOW"
    broker.publish(topic, range(200))
    subprocess.run(["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", "meterline/v1/bad", "-m", "x"], check=True, timeout=60)
    node.wait(lambda: len(meterline.records("metrics")) == 200)
    node.process.kill()
    node.process.wait()
    broker.publish(topic, range(200, 700))   # the broker keeps them
    node = Ingest(meterline, *words)
    node.wait(lambda: len({record["value"]["value"] for record in meterline.records("metrics")}) == 700)
    broker.stop()
    node.wait(lambda: "trying again" in node.said())
    broker.start()
    node.wait(subscribed(node, 2))
    broker.publish(topic, range(700, 710))
    node.wait(lambda: len({record["value"]["value"] for record in meterline.records("metrics")}) == 710)
    node.stop()
    meterline("run", "--until-end", "--final")
    assert sum(int(row["sampleCount"]) for row in meterline.rows()) == 710
    assert "topic meterline/v1/bad" in meterline.records("metrics-rejected")[0]["headers"]["error"]


def test_broker_is_shared(meterline):
    """Two nodes of a group divide the messages."""
    broker = Mosquitto(meterline)
    nodes = [Ingest(meterline, "--broker", f"mqtt://127.0.0.1:{broker.port}", "--broker-share", "nodes", "--broker-topics", "a/#,meterline/v1/+/+/+") for _ in range(2)]
    for node in nodes:
        node.wait(subscribed(node))
    broker.publish("meterline/v1/g/WATER/FLOW", range(100))
    nodes[0].wait(lambda: len(meterline.records("metrics")) == 100)
    accepted = [int(re.search(r"(\d+) readings accepted", node.stop())[1]) for node in nodes]
    assert sum(accepted) == 100 and min(accepted) > 0, accepted


def test_broker_is_refused(meterline):
    for url, word in (("mqtts://h", "mqtt:// only"), ("http://h", "must be mqtt://"), ("mqtt://", "must be mqtt://"), ("mqtt://user:secret@", "must be mqtt://")):
        said = meterline("ingest", "--listen", "127.0.0.1:0", "--broker", url, status=1, says=word)[1]
        assert "secret" not in said
    meterline("ingest", "--listen", "127.0.0.1:0", "--broker", "mqtt://h", "--broker-topics", "a,,b", status=1, says="separated by commas")
