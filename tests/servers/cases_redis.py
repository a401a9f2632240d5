"""Latest values in a real Redis and in the embedded cache: what an independent look at the topic says, whatever the server does meanwhile."""
import csv
import io
import pathlib
import signal
import time

from system_program import SAMPLE, oracle
from engines.redis import Redis

SOURCE = ("-t", "synthetic", "--series", 400, "--interval", "10s", "--duration", "2h", "--seed", 9, "--disordered", 0.2, "--late", 0.01, "--bad", 0.002)
SECRET = "wrong-secret-5150"


def expected(meterline):
    """gateway -> newest time, series -> (newest time, value): by the offsets of each partition."""
    gateways, series = {}, {}
    for _, parts, timestamp, value in oracle.topic_readings(meterline.dump()):
        key = ".".join(parts)
        gateways[parts[0]] = max(timestamp, gateways.get(parts[0], 0))
        if timestamp >= series.get(key, (0, 0))[0]:
            series[key] = timestamp, value
    return gateways, series


def latest(meterline, what, *words):
    rows = csv.reader(io.StringIO(meterline("query", "--latest", what, "--format", "csv", *words)[0]))
    next(rows)
    return {row[0]: oracle.milliseconds(row[1]) if what == "gateways" else (oracle.milliseconds(row[1]), float(row[2])) for row in rows}


def check(meterline, *words):
    gateways, series = expected(meterline)
    assert latest(meterline, "gateways", *words) == gateways
    assert latest(meterline, "series", *words) == series


def test_latest_values_in_redis_and_embedded(meterline):
    with Redis() as redis:
        place = ("--cache", f"{redis.url}/1")
        meterline("replay", *SOURCE)
        meterline("run", "--final", "--cache-values", *place)
        check(meterline, *place)
        meterline("run", "--final", "--reset", "--yes", "--cache-values", *place)     # all of it again: nothing goes back
        check(meterline, *place)
        meterline("run", "--final", "--group", "embedded", "--cache-values", "--cache", f"sqlite:{meterline.data}")
        check(meterline)
        assert meterline("query", "--latest", "gateways", "--gateway", "7", *place)[0].splitlines()[1].startswith("7,2024-01-01T0")


def test_redis_gone_and_back(meterline):
    """Stopped for a while, then killed; the run goes on and nothing is missing at the end."""
    with Redis() as redis:
        place = ("--cache", f"{redis.url}/1")
        replay = meterline.start("replay", *SOURCE, "-r", 30000)
        run = meterline.start("run", "--cache-values", *place)
        time.sleep(1.5)
        redis.stop_node()
        time.sleep(3)
        redis.start_node()
        time.sleep(1)
        redis.kill_node()
        redis.start_node()
        replay.communicate(timeout=60)
        run.send_signal(signal.SIGTERM)
        _, text = run.communicate(timeout=60)
        assert run.returncode == 0 and "the cache sink of metrics is waiting" in text, text
        # A Redis without a log on disk has lost everything: its mark is gone, so the whole topic is read again, by the same group.
        meterline("run", "--final", "--cache-values", *place)
        check(meterline, *place)
        redis.kill_node()
        redis.start_node()
        _, text = meterline("run", "--final", "--cache-values", *place)
        assert "has lost what it was given" in text, text
        check(meterline, *place)
        _, text = meterline("run", "--final", "--cache-values", *place)
        assert "has lost what it was given" not in text, text


def test_redis_password(meterline):
    with Redis(password="right-secret") as redis:
        place = redis.url.split("@")[-1].removeprefix("redis://")
        meterline("replay", "-t", "electricity", "-c", 1000, SAMPLE)
        meterline("run", "--final", "--cache", f"redis://:right-secret@{place}/1")
        assert list(latest(meterline, "gateways", "--cache", f"redis://:right-secret@{place}/1")) == ["0"]
        _, text = meterline("run", "--final", "--group", "b", "--cache", f"redis://:{SECRET}@{place}/1", status=1)
        assert SECRET not in text and "Redis at" in text, text
        run = meterline.start("run", "--group", "seen", "--cache", f"redis://:right-secret@{place}/1")
        time.sleep(0.5)
        assert "right-secret" not in pathlib.Path(f"/proc/{run.pid}/cmdline").read_bytes().decode()
        run.terminate()
        run.communicate(timeout=30)
    meterline("query", "--latest", "gateways", "--cache", "redis://h:99999/1", status=1, says="is not a port")
    meterline("query", "--latest", "gateways", "--cache", "redis://127.0.0.1:1/1", status=1, says="127.0.0.1:1")


def test_redis_by_tls(meterline):
    """Answers as without; a certificate of another authority, a plain server and a plain client are refused with the reason."""
    with Redis(password="right-secret", tls=True) as redis:
        trusted = ("-X", f"redis.ssl.ca.location={redis.certificates.ca}")
        place = ("--cache", f"{redis.tls_url}/1", *trusted)
        meterline("replay", *SOURCE)
        meterline("run", "--final", "--cache-values", *place)
        check(meterline, *place)
        check(meterline, "--cache", f"{redis.url}/1")
        identity = ("-X", f"redis.ssl.certificate.location={redis.certificates.client_certificate}", "-X", f"redis.ssl.key.location={redis.certificates.client_key}")
        check(meterline, *place, *identity)
        latest_of = ("query", "--latest", "gateways", "--cache")
        meterline(*latest_of, f"{redis.tls_url}/1", status=1, says=["certificate is not accepted", f":{redis.tls_port}"])
        meterline(*latest_of, f"{redis.tls_url}/1", "-X", "redis.tls.trust.any=true")
        meterline(*latest_of, f"{redis.tls_url.replace(str(redis.tls_port), str(redis.port))}/1", *trusted, status=1, says="TLS")
        meterline(*latest_of, f"{redis.url.replace(str(redis.port), str(redis.tls_port))}/1", status=1, says="Redis at 127.0.0.1")
        meterline(*latest_of, f"{redis.tls_url}/1", "-X", "redis.ssl.ca.locatoin=x", status=1, says="did you mean redis.ssl.ca.location")


def test_keys_of_others_are_left_alone(meterline):
    """Of another type, or with another value: neither written over nor read; all others are there."""
    with Redis() as redis:
        place = ("--cache", f"{redis.url}/1")
        meterline("replay", "-t", "synthetic", "--series", 40, "--duration", "10m")
        redis.command_in(1, "RPUSH", "7", "mine")
        redis.command_in(1, "SET", "0", "garbage")
        redis.command_in(1, "SET", "1", "2001-01-01T00:00:00Z")   # ours, and older
        _, text = meterline("run", "--final", *place)
        assert "database 1 has keys" in text and "left alone" in text, text
        assert redis.command_in(1, "LRANGE", "7", 0, -1) == ["mine"] and redis.command_in(1, "GET", "0") == "garbage"
        gateways, _ = expected(meterline)
        assert latest(meterline, "gateways", *place) == {key: time for key, time in gateways.items() if key not in ("0", "7")}
        assert gateways["1"] > 1e12
