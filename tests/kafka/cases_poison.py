"""Records that nobody should have written, and a registry that is away."""
import json
import os
import struct
import time

from program import QUICK, WINDOWS, oracle
from engines.registry_proxy import RegistryProxy


def reading(gateway, timestamp, value):
    def text(word):
        data = word.encode()
        return bytes([len(data) * 2]) + data
    return text(gateway) + text("WATER") + text("FLOW") + text(timestamp) + struct.pack("<d", value)


def test_poison_of_every_kind(meterline):
    """Bad records go to metrics-rejected as they are, with a reason and their origin; good ones between them count."""
    meterline("replay", "-t", "synthetic", "--series", 4, "--duration", "10s")
    first = meterline.kcat("-C", "-t", "metrics", "-c", 1, "-e", "-q", "-f", "%s")
    wire = first[:5]
    good = wire + reading("p", "2024-01-01T00:00:30Z", 7)
    poison = [
        (b"p.WATER.FLOW", b"\x01\x00\x00\x00\x01xxxx", "not Avro"),
        (b"p.WATER.FLOW", wire[:3], "truncated"),
        (b"p.WATER.FLOW", good[:-3], "truncated"),
        (b"p.WATER.FLOW", b"\x00\x00\x0f\xff\xff" + good[5:], "not in the registry"),
        (b"p.WATER.FLOW", good + b"x", "after its last field"),
        (b"p.WATER.FLOW", b"{broken", ""),
        (b"p.WATER.FLOW", b'{"gateway":"' + b"g" * 900000 + b'"}', ""),
        (b"another.KEY", good, "key"),
        (b"p.WATER.FLOW", wire + reading("p", "2024-13-01T00:00:30Z", 7), "timestamp"),
        (b"p.WATER.FLOW", wire + reading("p", "2024-01-01T00:00:30Z", float("nan")), "finite"),
        (b"p.WATER.FLOW", wire + reading("p", "2094-01-01T00:00:30Z", 1), "MAX_AHEAD"),
    ]
    for key, value, _ in poison:
        path = meterline.file("value", value)
        meterline.kcat("-P", "-t", "metrics", "-k", key.decode(), "-p", oracle.partition_of(("p", "WATER", "FLOW")), path)
    null_key = meterline.file("value", good)
    meterline.kcat("-P", "-t", "metrics", "-p", 1, "-H", "a=1", "-H", "a=2", null_key)
    meterline.kcat("-P", "-t", "metrics", "-p", 1, "-k", "p.WATER.FLOW", "-Z", input=b"")           # nothing is produced from nothing
    meterline.kcat("-P", "-t", "metrics", "-p", 1, "-K", "\t", "-Z", input=b"p.WATER.FLOW\t\n")     # a tombstone
    meterline.kcat("-P", "-t", "metrics", "-k", "p.WATER.FLOW", "-p", oracle.partition_of(("p", "WATER", "FLOW")), "-H", "trace=1", null_key)
    metrics = meterline.metrics("--final")
    meterline.check_conservation(metrics)
    assert metrics["meterline_records_rejected_total", "60"] == len(poison) + 1
    assert metrics["meterline_records_null_total", "60"] == 1
    rejected = meterline.records("metrics-rejected")
    assert len(rejected) == len(poison) + 1
    raw = meterline.kcat("-C", "-t", "metrics-rejected", "-e", "-q", "-f", "%S\n").decode().split()
    assert sorted(map(int, raw)) == sorted([len(value) for _, value, _ in poison] + [len(good)]), "values are passed on unchanged"
    reasons = [record["headers"]["error"] for record in rejected]
    for _, _, word in poison:
        assert any(word in reason for reason in reasons), f"'{word}' in none of {reasons}"
    assert any("no key" in reason for reason in reasons)
    assert all(record["headers"]["origin.topic"] == "metrics" for record in rejected)
    (row,) = [row for row in meterline.rows(60) if row["gateway"] == "p"]
    assert (row["sampleCount"], row["sum"]) == ("1", "7")


def test_registry_away_means_waiting(meterline):
    """While the registry cannot be asked nothing is rejected; a schema is asked for once; an unknown one is rejected when the registry has said so."""
    meterline("replay", "-t", "synthetic", "--series", 8, "--duration", "10m")
    direct = meterline.environment["METERLINE_REGISTRY"]
    with RegistryProxy(direct) as proxy:
        meterline.environment["METERLINE_REGISTRY"] = proxy.url
        proxy.fail_with = 500
        run = meterline.start("run", "--group", "waits", *QUICK)
        meterline.wait_for(lambda: sum(proxy.requests.values()) >= 3, "the registry is asked again")
        proxy.fail_with = 404     # of somebody in between: not the registry's word
        before = sum(proxy.requests.values())
        meterline.wait_for(lambda: sum(proxy.requests.values()) >= before + 3, "the registry is asked again")
        assert not meterline.records("metrics-rejected") and run.poll() is None
        proxy.fail_with = None
        meterline.wait_for(lambda: meterline.lag("waits") == 0, "the run goes on")
        asked = sum(proxy.requests.values())
        meterline("replay", "-t", "synthetic", "--series", 8, "--duration", "20m", "--resume")
        time.sleep(1)
        meterline.wait_for(lambda: meterline.lag("waits") == 0, "the rest is read")
        gets = [path for path in proxy.requests if path.startswith("GET /schemas/ids/")]
        assert len(gets) == 1 and sum(proxy.requests.values()) <= asked + 1, f"a schema is asked for once: {proxy.requests}"
        run.terminate()
        _, text = run.communicate(timeout=30)
        assert run.returncode == 0 and "waiting:" in text, text
    meterline.environment["METERLINE_REGISTRY"] = direct
    meterline("run", "--group", "waits", "--final")
    meterline.check_results(oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300))


def test_json_needs_no_registry(meterline):
    del meterline.environment["METERLINE_REGISTRY"]
    os.environ.pop("METERLINE_REGISTRY")
    meterline("replay", "-t", "synthetic", "--series", 8, "--duration", "10m", status=1, says="--registry")
    meterline("replay", "-t", "synthetic", "--series", 8, "--duration", "10m", "--json")
    meterline("run", "--final")
    assert len(meterline.rows(600)) == 8
    assert json.loads(meterline.kcat("-C", "-t", "metrics", "-c", 1, "-e", "-q"))["metricType"]
