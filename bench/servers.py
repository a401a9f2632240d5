"""The benchmarks of the store on Cassandra and of the cache on Redis, each beside one real server on the same cores."""
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from engines.cassandra import Cassandra
from engines.redis import Redis

ROUNDS = 3
SERIES = 100          # of all writers together
DAY = 1440            # minutes


def program(bench, name, *words):
    done = subprocess.run([os.path.join(bench.build, "bench", name), *map(str, words)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


class CassandraBench:
    def __init__(self, bench, rows):
        self.bench, self.minutes = bench, max(DAY, rows // SERIES // DAY * DAY)

    def measure(self):
        with Cassandra(heap="2g", quick=False) as cassandra:
            self.url, self.cassandra = cassandra.url, cassandra
            self.insert("batched", 1)      # the server compiles itself
            self.insert("single", 1)
            self.inserts("single", 50000, 14)
            self.inserts("batched", 128000, 4.6)
            self.one_by_one()
            self.read()

    def insert(self, how, writers):
        """All writers at once, on an empty keyspace: rows a second, and the clients' CPU seconds for a million rows."""
        self.cassandra.query("DROP KEYSPACE IF EXISTS bench")
        found, each = [], SERIES // writers
        words = [(f"{self.url}/bench", how, each, self.minutes, writer * each) for writer in range(writers)]
        program(self.bench, "bench_cassandra_store", f"{self.url}/bench", "one-by-one", 1, 1)    # makes the table
        threads = [threading.Thread(target=lambda w=w: found.append(program(self.bench, "bench_cassandra_store", *w))) for w in words]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len(found) != writers:
            raise SystemExit("bench: a writer has failed")
        rows = sum(one["rows"] for one in found)
        return rows / max(one["seconds"] for one in found), sum(one["cpu"] for one in found) / rows * 1e6

    def inserts(self, how, goal, java):
        for writers in (1, 2, 4):
            rounds = [self.insert(how, writers) for _ in range(ROUNDS)]
            what = f"cassandra: {how} rows, {writers} writer{'s' if writers > 1 else ''}"
            self.bench.row(what, statistics.median(rate for rate, _ in rounds), "rows/s", None, goal, most=False, digits=0)
            self.bench.row(f"{what} (the Java driver elsewhere: {java})", statistics.median(cpu for _, cpu in rounds), "client CPU s/M rows", None, 1.0, digits=2)

    def one_by_one(self):
        found = program(self.bench, "bench_cassandra_store", f"{self.url}/bench", "one-by-one", 10, 1000)
        self.bench.row("cassandra: the original way, each row acknowledged before the next", found["rows"] / found["seconds"], "rows/s", digits=0)
        self.bench.row("cassandra: the same (the Java driver elsewhere: 2,400 rows/s)", found["cpu"] / found["rows"] * 1e6, "client CPU s/M rows", digits=2)

    def read(self):
        self.insert("batched", 1)
        found = program(self.bench, "bench_cassandra_store", f"{self.url}/bench", "read", SERIES, self.minutes, 1000)
        self.bench.row("cassandra: a day of minutes read, p50", found["p50"], "ms", digits=1)
        self.bench.row("cassandra: a day of minutes read, p99", found["p99"], "ms", None, 10, digits=1)


class RedisBench:
    """Ours and redis-benchmark's SET in turn, on the same number of keys of the same size and values of the same size."""

    KEYS = 100000

    def __init__(self, bench, updates):
        self.bench, self.updates = bench, updates

    def floor(self, redis, size):
        tool = shutil.which("redis-benchmark") or "redis-benchmark"
        done = subprocess.run([tool, "-p", str(redis.port), "-t", "set", "-n", str(self.updates), "-r", str(self.KEYS), "-d", str(size), "-P", "256", "-c", "1", "--csv"],
                              stdout=subprocess.PIPE, check=True, text=True)
        return next(float(line.split(",")[1].strip('"')) for line in done.stdout.splitlines() if line.startswith('"SET"'))

    def measure(self):
        with Redis() as redis:
            for what, words, size in (("timestamps of gateways", (), 20), ("timestamps and values of series", ("values",), 29)):
                ours, floors = [], []
                for _ in range(ROUNDS):
                    ours.append(program(self.bench, "bench_redis_cache", f"{redis.url}/1", self.KEYS, max(1, self.updates // self.KEYS), *words))
                    redis.command("FLUSHALL")
                    floors.append(self.floor(redis, size))
                    redis.command("FLUSHALL")
                rate, floor = statistics.median(one["updates"] / one["seconds"] for one in ours), statistics.median(floors)
                self.bench.row(f"redis: {what} (floor: redis-benchmark, SET, 1 connection, pipeline of 256)", rate, "updates/s", floor, 500000, most=False, digits=0)
                self.bench.row(f"redis: {what}", statistics.median(one["cpu"] / one["updates"] * 1e6 for one in ours), "client CPU s/M updates", digits=2)
