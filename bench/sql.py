"""The benchmark of queries: what they cost in memory beside reading and writing, how much memory a table takes, and how soon a reading is an alarm."""
import json
import os
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tools"))
PIPELINES = os.path.join(HERE, "../share/pipelines")
ROUNDS = 3
RATE, SECONDS, ALARM_EVERY, WARM_UP = 10000, 10, 50, 2


class SqlBench:
    def __init__(self, bench):
        self.bench = bench

    def measure(self):
        self.in_memory()
        self.table_memory()
        self.latency("embedded log", 10)
        self.kafka_latency()

    def in_memory(self):
        runs = [json.loads(subprocess.run([os.path.join(self.bench.build, "bench/bench_sql_memory")], stdout=subprocess.PIPE, check=True).stdout) for _ in range(ROUNDS)]
        cost = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        row, unit = self.bench.row, "CPU s/M readings"
        row("query: decode Avro readings with their event time", cost["read"], unit)
        row("query: the same, all of it written as Avro (floor: decode)", cost["same"], unit, cost["read"])
        row("query: filter and projection beyond decode and encode", max(cost["filtered"] - cost["same"], 0), unit, goal=0.15)
        row("query: join with 10,000 thresholds, and a filter, beyond that", max(cost["joined"] - cost["filtered"], 0), unit, goal=0.15)
        row("query: each of five filters on one topic, beyond one decode", (cost["filters"] - cost["read"]) / 5, unit)
        row("query: four tumbling windows, each a query of its own, beyond decode", cost["windows"] - cost["read"], unit)

    def resident(self, *words):
        """Peak memory of a command in MiB."""
        process = subprocess.Popen([self.bench.meterline, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, f"{words}: status {status}"
        return usage.ru_maxrss / 1024

    def table_memory(self):
        data = self.bench.path("latest")
        self.bench.time("replay", "-q", "-t", "synthetic", "--series", "4000000", "--duration", "5s", "--data", data)
        self.bench.row("query: latest activity of 1,000,000 gateways, peak memory of the process", self.resident("run", os.path.join(PIPELINES, "latest.sql"), "--until-end", "-q", "--data", data),
                       "MiB", goal=200, digits=1)

    def feed(self, replay):
        """RATE readings a second; one in ALARM_EVERY carries the time at which it was sent, which is above its threshold."""
        begin, sent = time.monotonic(), 0
        while sent < RATE * SECONDS:
            due = min(int((time.monotonic() - begin) * RATE), RATE * SECONDS)
            lines = []
            for number in range(sent, due):
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1704067200 + number // RATE))
                value = f"{time.monotonic():.6f}" if number % ALARM_EVERY == 0 else "-0.5"
                lines.append(f"{number % 50},ELECTRICITY,VOLTAGE,{stamp},{value}\n")
            replay.stdin.write("".join(lines))
            replay.stdin.flush()
            sent = due
            time.sleep(0.001)
        replay.stdin.close()

    def listen(self, tail, latencies):
        for line in tail.stdout:
            record = json.loads(line)
            latencies.append((time.monotonic() - record["value"]["value"]) * 1000)

    def latency(self, where, goal):
        data, latencies = self.bench.path(f"alarms-{where.split()[0]}"), []
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = lambda *words: [self.bench.meterline, *words, "--data", data]
        thresholds = " ".join(f"INSERT INTO ALARM_THRESHOLDS (SERIES, MIN_VALUE, MAX_VALUE) VALUES ('{n}.ELECTRICITY.VOLTAGE', -1.0, 0.0);" for n in range(50))
        subprocess.run(command("sql", "-f", os.path.join(PIPELINES, "alarms.sql")), check=True, **quiet)
        subprocess.run(command("sql", "-e", thresholds), check=True, **quiet)
        run = subprocess.Popen(command("run", os.path.join(PIPELINES, "alarms.sql"), "-q"), **quiet)
        replay = tail = None
        try:
            time.sleep(3)
            tail = subprocess.Popen(command("tail", "alarms", "--from-beginning", "--format", "json"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            listener = threading.Thread(target=self.listen, args=(tail, latencies), daemon=True)
            listener.start()
            replay = subprocess.Popen(command("replay", "-t", "readings", "-q", "-"), stdin=subprocess.PIPE, text=True, **quiet)
            replay.stdin.write("gateway,type,attribute,timestamp,value\n")
            self.feed(replay)
            replay.wait(timeout=60)
            time.sleep(2)
        finally:
            for process in (run, replay, tail):
                if process and process.poll() is None:
                    process.terminate()
                    process.wait(timeout=30)
        listener.join(timeout=10)
        expected = RATE * SECONDS // ALARM_EVERY
        assert len(latencies) == expected, f"{len(latencies)} alarms of {expected} came"
        steady = sorted(latencies[expected * WARM_UP // SECONDS:])
        name = f"reading to alarm at {RATE:,} readings/s, {where}, with publishing"
        self.bench.row(f"{name}: p50", steady[len(steady) // 2], "ms", digits=1)
        self.bench.row(f"{name}: p99", steady[len(steady) * 99 // 100], "ms", goal=goal, digits=1)

    def kafka_latency(self):
        try:
            from engines.kafka import Kafka
            from engines.registry import SchemaRegistry
            with Kafka(heap="1g", quick=False) as kafka, SchemaRegistry() as registry:
                os.environ.update(METERLINE_BUS=kafka.url, METERLINE_REGISTRY=registry.url)
                try:
                    self.latency("Kafka", 50)
                finally:
                    del os.environ["METERLINE_BUS"], os.environ["METERLINE_REGISTRY"]
        except ImportError as problem:
            print(f"skipped: the latency on Kafka, {problem}")
