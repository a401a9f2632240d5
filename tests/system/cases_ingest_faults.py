"""Ingest under faults: killed between receipt and acknowledgement, answers that are cut off, nodes that go away, a log that takes nothing, clients that are
slow, many, or send too much. METERLINE_KILLS and METERLINE_CUTS are numbers of rounds."""
import gzip
import json
import os
import pathlib
import random
import resource
import shutil
import socket
import sqlite3
import subprocess
import threading
import time

from ingest_faults import CuttingProxy, Sender
from ingest_server import Ingest, reading
from system_program import ROOT, Skipped, slow

KILLS, CUTS = int(os.environ.get("METERLINE_KILLS", "4")), int(os.environ.get("METERLINE_CUTS", "100"))


def stored(meterline):
    return [record["value"]["value"] for record in meterline.records("metrics")]


def check_nothing_lost(meterline, senders):
    """All that was acknowledged is there, and counts once; returns how many are in the log more than once."""
    values = stored(meterline)
    lost = set().union(*(sender.acknowledged for sender in senders)) - set(values)
    assert not lost, f"{len(lost)} acknowledged readings are lost: {sorted(lost)[:10]}"
    meterline("run", "--until-end", "--final", "-q")
    counted = sum(int(row["sampleCount"]) for row in meterline.rows(86400))
    assert counted == len(set(values)), f"{counted} are counted, of {len(set(values))} readings that came {len(values)} times"
    return len(values) - len(set(values))


@slow
def test_ingest_killed_between_receipt_and_acknowledgement(meterline):
    chance = random.Random(int(os.environ.get("METERLINE_SEED", "15")))
    ingest = Ingest(meterline)
    address = lambda: (ingest.host, ingest.port)
    senders = [Sender(address, number) for number in range(4)]
    for sender in senders:
        sender.start()
    for _ in range(KILLS):
        reached = sum(len(sender.acknowledged) for sender in senders)
        ingest.wait(lambda: sum(len(sender.acknowledged) for sender in senders) > reached + 20)
        time.sleep(chance.random() * 0.05)
        ingest.process.kill()
        ingest.process.wait()
        ingest = Ingest(meterline, listen=f"127.0.0.1:{ingest.port}")
    for sender in senders:
        sender.stop()
    ingest.stop()
    check_nothing_lost(meterline, senders)
    assert sum(sender.retries for sender in senders) >= KILLS


@slow
def test_ingest_answers_that_are_cut_off(meterline):
    """A client that was not answered sends again, with the same Idempotency-Key: its readings are there once."""
    ingest = Ingest(meterline)
    chance = random.Random(7)
    proxy = CuttingProxy(lambda: (ingest.host, ingest.port), lambda cut: cut < CUTS and chance.random() < 0.7)
    proxy.start()
    senders = [Sender(lambda: ("127.0.0.1", proxy.port), number) for number in range(4)]
    for sender in senders:
        sender.start()
    ingest.wait(lambda: proxy.cut >= CUTS, seconds=600)
    for sender in senders:
        sender.stop()
    proxy.close()
    ingest.stop()
    assert sum(sender.retries for sender in senders) >= CUTS
    assert check_nothing_lost(meterline, senders) == 0


@slow
def test_ingest_two_nodes_behind_haproxy(meterline):
    """One node is killed after the other; what was acknowledged is there."""
    if not shutil.which("haproxy"):
        raise Skipped("haproxy is not here")
    nodes = [Ingest(meterline, "--proxy-protocol"), Ingest(meterline, "--proxy-protocol")]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    template = (ROOT / "share/haproxy.cfg").read_text()
    for old, new in (("bind :8086", f"bind 127.0.0.1:{port}"), ("10.0.0.11:8086", f"127.0.0.1:{nodes[0].port}"), ("10.0.0.12:8086", f"127.0.0.1:{nodes[1].port}")):
        assert old in template, old
        template = template.replace(old, new)
    balancer = subprocess.Popen(["haproxy", "-db", "-f", meterline.file("haproxy.cfg", template)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    meterline.started.append(balancer)
    senders = [Sender(lambda: ("127.0.0.1", port), number) for number in range(4)]
    for sender in senders:
        sender.start()
    progress = lambda: sum(len(sender.acknowledged) for sender in senders)
    for turn in range(KILLS):
        reached, node = progress(), nodes[turn % 2]
        node.wait(lambda: progress() > reached + 50)
        node.process.kill()
        node.process.wait()
        other = nodes[1 - turn % 2]
        reached = progress()
        other.wait(lambda: progress() > reached + 50)
        nodes[turn % 2] = Ingest(meterline, "--proxy-protocol", listen=f"127.0.0.1:{node.port}")
    for sender in senders:
        sender.stop()
    for node in nodes:
        node.process.terminate()
        assert node.process.wait(60) == 0, node.said()
    check_nothing_lost(meterline, senders)


def test_ingest_log_takes_nothing(meterline):
    """While another holds the log, clients are asked to come again and memory stays bounded; afterwards all of it is taken."""
    ingest = Ingest(meterline, "--max-wait", "300ms", "--in-flight", "2M")
    holder = sqlite3.connect(meterline.data / "meterline.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    senders = [Sender(lambda: (ingest.host, ingest.port), number, batch=200) for number in range(8)]
    for sender in senders:
        sender.start()
    ingest.wait(lambda: ingest.request("GET", "/readyz").status == 503)
    answer = ingest.request("POST", "/api/v1/readings", json.dumps(reading(1)), Content_Type="application/json")
    assert answer.status == 503 and answer.headers["Retry-After"] == "1" and "nothing was stored" in answer.json()["error"]
    ingest.wait(lambda: all(sender.retries or sender.sent for sender in senders))
    assert ingest.metric("meterline_ingest_inflight_bytes") <= 2 * 1024 * 1024
    holder.execute("COMMIT")
    ingest.wait(lambda: ingest.request("GET", "/readyz").status == 200)
    ingest.wait(lambda: all(len(sender.acknowledged) >= 400 for sender in senders))
    for sender in senders:
        sender.stop()
    ingest.wait(lambda: ingest.metric("meterline_ingest_inflight_bytes") < 10000)   # of this request
    ingest.stop()
    check_nothing_lost(meterline, senders)


def test_ingest_slow_clients(meterline):
    """Heads, bodies and readers that hardly move are ended, and others are served meanwhile."""
    ingest = Ingest(meterline, "--head-timeout", "1s", "--idle-timeout", "1s", "--connections", "150")
    began, ended = time.monotonic(), []

    def drip(first, piece):
        with socket.create_connection((ingest.host, ingest.port)) as connection:
            try:
                connection.sendall(first)
                while time.monotonic() < began + 30:
                    connection.sendall(piece)
                    time.sleep(0.2)
            except OSError:
                ended.append(time.monotonic() - began)

    drips = [threading.Thread(target=drip, args=what, daemon=True) for what in
             [(b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n")] * 40 + [(b"POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"x")] * 40]
    for thread in drips:
        thread.start()
    ingest.wait(lambda: ingest.metric("meterline_connections") > 40)
    for _ in range(10):
        ingest.post("/write", "readings,gateway=gw1 voltage=1", 204)
    for thread in drips:
        thread.join(60)
    assert len(ended) == 80, f"{80 - len(ended)} slow clients were served for 30 s"
    ingest.wait(lambda: ingest.metric("meterline_connections") <= 1)
    ingest.stop()


@slow
def test_ingest_slowhttptest(meterline):
    if not shutil.which("slowhttptest"):
        raise Skipped("slowhttptest is not here")
    ingest = Ingest(meterline, "--head-timeout", "2s", "--idle-timeout", "5s")
    target = f"http://{ingest.host}:{ingest.port}/write"
    for kind in (["-H"], ["-B", "-t", "POST"], ["-R", "-t", "HEAD"], ["-X"]):
        attack = subprocess.Popen(["slowhttptest", "-c", "300", *kind, "-i", "1", "-r", "300", "-l", "6", "-u", target], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        meterline.started.append(attack)
        answered = 0
        while attack.poll() is None:
            ingest.post("/write", "readings,gateway=gw1 voltage=1", 204)
            answered += 1
            time.sleep(0.05)
        assert answered, f"{kind}: it was over before the first probe"
    ingest.stop()


def test_ingest_many_idle_connections(meterline):
    """10,000 connections that wait, or as many as this process may have, in less than 100 MB."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10_000, hard - 200)
    ingest = Ingest(meterline)
    before, connections = ingest.memory(), []
    for _ in range(count):
        connections.append(socket.create_connection((ingest.host, ingest.port)))
    for connection in connections:
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    for connection in connections:
        connection.settimeout(60)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    ingest.wait(lambda: ingest.metric("meterline_connections") >= count)
    used = ingest.memory()
    assert meterline.sanitized or used < 100 * 1024 * 1024, f"{count} connections: {used >> 20} MiB, {before >> 20} before"
    for connection in connections:
        connection.close()
    ingest.stop()


def test_ingest_too_much(meterline):
    """Bodies of a gigabyte and bombs are refused while little of them is in memory."""
    ingest = Ingest(meterline)
    huge = ingest.raw(b"POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n", timeout=10)
    assert huge.startswith(b"HTTP/1.1 413 ") and b"Connection: close" in huge
    huge = ingest.raw(b"POST /write HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"100000\r\n" + b"#" * 0x100000 + b"\r\n") * 64, timeout=20)
    assert huge[:13] in (b"HTTP/1.1 413 ", b""), huge[:200]   # a client that goes on sending may miss it
    bomb = gzip.compress(b"\n" * 200_000_000)
    assert b"when it is decompressed" in ingest.post("/write", bomb, 413, Content_Encoding="gzip").body
    long_line = b"readings,gateway=gw1 voltage=1,text=\"" + b"x" * 100_000 + b"\"\n"
    assert b"1 kept" in ingest.post("/write", long_line, 400).body
    assert b"send it in parts" in ingest.post("/write", b"x\n" * 8_000_000, 413).body
    name = "n" * 10_000
    assert ingest.post("/api/v1/readings", json.dumps(reading(1, gateway=name)), 422, Content_Type="application/json").json()["rejected"] == 1
    for timestamp in ("1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        assert "clock" in ingest.post("/api/v1/readings", json.dumps(reading(1, timestamp=timestamp)), 422, Content_Type="application/json").json()["errors"][0]["reason"]
    with pathlib.Path(f"/proc/{ingest.process.pid}/status").open(encoding="ascii") as status:
        peak = int(status.read().split("VmHWM:")[1].split()[0])
    assert meterline.sanitized or peak < 300 * 1024, f"{peak} kB at most"
    ingest.stop()
    assert not stored(meterline)
