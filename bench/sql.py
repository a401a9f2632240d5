"""The benchmark of queries: what they cost in memory beside reading and writing, how much memory a table takes, and how soon a reading is an alarm."""
import calendar
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

    def readings(self):
        """A file of readings; one in ALARM_EVERY is above its threshold. The value tells which it is."""
        path = self.bench.path("readings.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("gateway,type,attribute,timestamp,value\n")
            for number in range(RATE * SECONDS):
                stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1704067200 + number // RATE))
                file.write(f"{number % 50},ELECTRICITY,VOLTAGE,{stamp},{number + 1 if number % ALARM_EVERY == 0 else -0.5}\n")
        return path

    def listen(self, tail, arrivals):
        for line in tail.stdout:
            arrivals[json.loads(line)["value"]["value"]] = time.time() * 1000

    def published(self, command):
        """When each reading that is an alarm was handed to the log: the record's timestamp is the publisher's clock."""
        done = subprocess.run(command("tail", "metrics", "--from-beginning", "--format", "json", "--count", str(RATE * SECONDS)), stdout=subprocess.PIPE, text=True, check=True)
        times = {}
        for record in map(json.loads, done.stdout.splitlines()):
            if record["value"]["value"] > 0:
                stamp, _, fraction = record["timestamp"].rstrip("Z").partition(".")
                times[record["value"]["value"]] = calendar.timegm(time.strptime(stamp, "%Y-%m-%dT%H:%M:%S")) * 1000 + int((fraction or "0").ljust(3, "0"))
        return times

    def latency(self, where, goal):
        data, arrivals = self.bench.path(f"alarms-{where.split()[0]}"), {}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = lambda *words: [self.bench.meterline, *words, "--data", data]
        thresholds = " ".join(f"INSERT INTO ALARM_THRESHOLDS (SERIES, MIN_VALUE, MAX_VALUE) VALUES ('{n}.ELECTRICITY.VOLTAGE', -1.0, 0.0);" for n in range(50))
        subprocess.run(command("sql", "-f", os.path.join(PIPELINES, "alarms.sql")), check=True, **quiet)
        subprocess.run(command("sql", "-e", thresholds), check=True, **quiet)
        run = subprocess.Popen(command("run", os.path.join(PIPELINES, "alarms.sql"), "-q"), **quiet)
        tail = None
        try:
            time.sleep(3)
            tail = subprocess.Popen(command("tail", "alarms", "--from-beginning", "--format", "json"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            listener = threading.Thread(target=self.listen, args=(tail, arrivals), daemon=True)
            listener.start()
            subprocess.run(command("replay", "-t", "readings", "-r", str(RATE), "-q", self.readings()), check=True, **quiet)
            time.sleep(2)
        finally:
            for process in (run, tail):
                if process and process.poll() is None:
                    process.terminate()
                    process.wait(timeout=30)
        listener.join(timeout=10)
        published, expected = self.published(command), RATE * SECONDS // ALARM_EVERY
        assert len(arrivals) == len(published) == expected, f"{len(arrivals)} alarms of {expected} came"
        steady = sorted(arrivals[number] - published[number] for number in published if number > RATE * WARM_UP)
        name = f"reading to alarm at {RATE:,} readings/s, {where}"
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
