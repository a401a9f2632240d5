"""The Kafka benchmark: everything in one run, on the same topic, beside one real broker."""
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))
from engines.kafka import Kafka
from engines.registry import SchemaRegistry

ROUNDS = 3
WINDOWS = "60,600,3600,86400"


class KafkaBench:
    def __init__(self, bench, readings, day_hours):
        self.bench, self.readings, self.day_hours, self.groups = bench, readings, day_hours, 0

    def floor(self, *words):
        done = subprocess.run([os.path.join(self.bench.build, "bench/bench_kafka_floor"), words[0], self.bootstrap, *map(str, words[1:])], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def run(self, topic, *more):
        """A run of a group of its own over the whole topic. Results of runs before would be brought to the store of this one too: they go."""
        self.groups += 1
        for name in [found["topic"] for found in self.bench.topics(self.bench.path("none")) if found["topic"].startswith(f"{topic}-aggregates-")]:
            self.bench.output("topics", "delete", name, "--yes")
        return self.bench.time("run", "--until-end", "--topic", topic, "--group", f"g{self.groups}", "--data", self.bench.path(f"store-{self.groups}"), *more)

    def measure(self):
        with Kafka(heap="1g", quick=False) as kafka, SchemaRegistry() as registry:
            self.bootstrap = kafka.bootstrap
            os.environ.update(METERLINE_BUS=kafka.url, METERLINE_REGISTRY=registry.url)
            try:
                self.stream()
                self.bursts()
                self.latency()
                self.recovery()
            finally:
                del os.environ["METERLINE_BUS"], os.environ["METERLINE_REGISTRY"]

    def stream(self):
        """Floor and ours in turn, medians."""
        bench, millions = self.bench, self.readings / 1e6
        bench.time("replay", *bench.synthetic(self.readings), "--topic", "metrics", "--data", bench.path("none"))
        replays, producers, runs = [], [], []
        for round_ in range(ROUNDS):
            replays.append(bench.time("replay", *bench.synthetic(self.readings), "--topic", f"again-{round_}", "--data", bench.path("none")).cpu)
            for floors_, kind in ((producers, "produce"), (runs, "produce-runs")):
                bench.output("topics", "create", f"copy-{kind}-{round_}")
                floors_.append(self.floor(kind, "metrics", f"copy-{kind}-{round_}", self.readings)["cpu"])
        kinds = {
            "one window, topics only": ("--windows", "60", "--store", "none"),
            "four windows, topics only": ("--windows", WINDOWS, "--store", "none"),
            "four windows, at least once, topics only": ("--windows", WINDOWS, "--store", "none", "--delivery", "at-least-once"),
            "four windows, topics and embedded store": ("--windows", WINDOWS),
        }
        floors, ours = [], {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            floors.append(self.floor("consume", "metrics", self.readings))
            for kind, words in kinds.items():
                ours[kind].append(self.run("metrics", *words))
        floor = statistics.median(found["cpu"] for found in floors) / millions
        bench.row("kafka: librdkafka consumes and throws away", floor, "CPU s/M readings")
        for kind, measured in ours.items():
            goal = 1.5 if kind == "four windows, topics only" else None
            bench.row(f"kafka: run, {kind}", statistics.median(run.cpu for run in measured) / millions, "CPU s/M readings", floor, goal, of_floor=True)
        wall = statistics.median(run.wall for run in ours["four windows, topics only"])
        bench.row("kafka: run, four windows, exactly once, with its start", self.readings / wall, "readings/s", None, 600000, most=False, digits=0)
        what = "kafka: replay, readings made up on the way (floor: bare librdkafka producer"
        bench.row(f"{what} of the same records in the same order)", statistics.median(replays) / millions, "CPU s/M readings", statistics.median(producers) / millions, 1.2, of_floor=True)
        bench.row(f"{what} of records in long runs of one partition)", statistics.median(replays) / millions, "CPU s/M readings", statistics.median(runs) / millions)

    def bursts(self):
        for devices, each in ((10000, 10), (1000, 240)):
            readings, topic = devices * each, f"burst-{devices}"
            self.bench.time("replay", "-t", "synthetic", "--series", devices, "--interval", "5s", "--duration", f"{each * 5}s", "--topic", topic, "--data", self.bench.path("none"))
            self.groups += 1
            run = self.bench.start("run", "--final", "--topic", topic, "--group", f"g{self.groups}", "--store", "none")
            begin = time.monotonic()
            tracked = json.loads(self.bench.output("track", f"{topic}-aggregates-86400", "--count", devices, "--from-beginning", "--timeout", "60s", "--format", "json")
                                 if self.await_topic(f"{topic}-aggregates-86400") else "{}")
            used = self.bench.end(run, begin)
            self.bench.row(f"kafka: burst of {readings:,} readings of {devices:,} devices", used.cpu / readings * 1e6, "CPU s/M readings")
            self.bench.row(f"kafka: burst of {readings:,}: until the last result came", tracked["secondsSinceStart"], "s")

    def await_topic(self, name):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if any(topic["topic"] == name for topic in self.bench.topics(self.bench.path("none"))):
                return True
        raise SystemExit(f"bench: {name} does not appear")

    def await_all_read(self, topic, group):
        end = time.monotonic() + 300
        while time.monotonic() < end:
            rows = [json.loads(line) for line in self.bench.output("topics", topic, "--format", "json").splitlines()]
            lags = [row["lag"] for row in rows if row.get("group") == f"{group}.sql.{topic}"]
            if lags and sum(lags) == 0:
                return
            time.sleep(0.2)
        raise SystemExit(f"bench: {group} does not come to the end of {topic}")

    def latency(self):
        """10,000 series, a reading of each every second as the wall clock goes: every second 10,000 windows of a second close, without grace."""
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
        self.bench.output("topics", "create", "live")
        self.bench.output("topics", "create", "live-aggregates-1")
        run = self.bench.start("run", "--topic", "live", "--windows", "1", "--grace", "0s", "--group", "live", "--store", "none")
        time.sleep(2)
        while time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) < start:
            time.sleep(0.001)
        replay = self.bench.start("replay", "-t", "synthetic", "--series", 10000, "--interval", "1s", "--duration", "25s", "--start", start, "-r", 10000, "--topic", "live")
        time.sleep(5)
        found = self.floor("latency", "live-aggregates-1", 100000)
        run.terminate()
        self.bench.end(replay, time.monotonic())
        self.bench.end(run, time.monotonic())
        # The reading that closes a window is the first of the next second, published within one tick of the replay (5 ms).
        self.bench.row("kafka: window's end to result read, 10,000 readings/s, p50", found["p50"], "ms", digits=1)
        self.bench.row("kafka: window's end to result read, 10,000 readings/s, p99", found["p99"], "ms", digits=1)

    def recovery(self):
        """A day of open windows is read again after kill -9."""
        readings = self.day_hours * 720 * 1000
        self.bench.time("replay", *self.bench.synthetic(readings), "--topic", "day", "--data", self.bench.path("none"))
        words = ("run", "--topic", "day", "--group", "day", "--store", "none", "-X", "session.timeout.ms=6000")
        run = self.bench.start(*words)
        self.await_all_read("day", "day")
        run.kill()
        run.communicate()
        metrics = self.bench.path("day.prom")
        begin = time.monotonic()
        again = self.bench.time(*words, "--until-end", "--metrics", metrics)
        with open(metrics, encoding="utf-8") as file:
            recovered = next(int(line.split()[1]) for line in file if line.startswith("meterline_recovered_records "))
        self.bench.row(f"kafka: after kill -9, {self.day_hours} h of 1,000 series at 5 s: {recovered:,} records read again, all of {readings:,} done", time.monotonic() - begin, "s", digits=1)
        self.bench.row("kafka: the same", again.cpu, "CPU s", digits=1)
