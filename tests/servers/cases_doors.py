"""One test body, three stores: the unit tests of the doors, which ./dev check has run on SQLite, on Cassandra and on Redis. With the sanitizers when that build is there."""
import os
import pathlib
import re
import subprocess

from engines.redis import Redis
from system_program import ROOT


def run_body(meterline, name, **environment):
    built = pathlib.Path(meterline.binary).parents[1] / "tests" / name
    checked = ROOT / "build-asan/tests" / name
    done = subprocess.run([checked if checked.exists() else built], env={**os.environ, **environment}, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return len(re.findall(r"\[ +OK \]", done.stdout))


def test_store_body_on_cassandra(meterline, cassandra):
    assert run_body(meterline, "store_test", METERLINE_TEST_STORE=f"{cassandra.url}/door") == 6   # one is of SQLite's transactions


def test_cache_body_on_redis(meterline):
    with Redis() as redis:
        assert run_body(meterline, "cache_test", METERLINE_TEST_CACHE=f"{redis.url}/") == 6
