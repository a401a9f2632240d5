"""The program under test on a real Kafka: as in tests/system, with the bus and the registry given by the environment."""
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
sys.path.insert(1, str(ROOT / "tests/system"))
import system_program  # noqa: E402
from system_program import Skipped, oracle, slow  # noqa: E402,F401

WINDOWS = (60, 600, 3600, 86400)
# What killed or forgotten members cost is waited for: short in tests.
QUICK = ("-X", "session.timeout.ms=3000", "-X", "heartbeat.interval.ms=300")


class KafkaProgram(system_program.Program):
    """`environment` is added to that of every command. Data folders only hold the store."""

    def __init__(self, binary, folder, bootstrap, registry):
        super().__init__(binary, folder)
        self.bootstrap = bootstrap
        self.environment = {"METERLINE_BUS": f"kafka://{bootstrap}", "METERLINE_REGISTRY": registry}

    def command(self, *words, data=None):
        os.environ.update(self.environment)
        return super().command(*words, data=data)

    def topics(self):
        out, _ = self("topics", "--format", "json")
        return {row["topic"]: row for row in map(json.loads, out.splitlines())}

    def clean(self):
        """Topics of an earlier case are deleted; groups die with them or are named anew by each case."""
        for topic in self.topics():
            self("topics", "delete", topic, "--yes")
        end = time.monotonic() + 10
        while self.topics() and time.monotonic() < end:
            time.sleep(0.05)

    def end_offsets(self, topic="metrics"):
        """Records that can be read: offsets count transaction markers too."""
        return len(self.records(topic))

    def records(self, topic, *more, data=None):
        count = self.topics().get(topic, {"offsets": 0})["offsets"]
        if not count:
            return []
        out, _ = self("tail", topic, "--from-beginning", "--timeout", "800ms", "--format", "json", *more, data=data)
        return [json.loads(line) for line in out.splitlines()]

    def dump(self, topic="metrics"):
        path = self.folder / "topic.json"
        path.write_text("".join(json.dumps(record) + "\n" for record in self.records(topic)))
        return path

    def kcat(self, *words, input=None):
        done = subprocess.run(["kcat", "-b", self.bootstrap, *map(str, words)], input=input, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, f"kcat {' '.join(map(str, words))}: {done.stderr.decode()[-500:]}"
        return done.stdout

    def results(self, topic="metrics"):
        """What a run has put into topics: {size: {partition: [(key, value), ...]}}, read by kcat; each result once, or it is a failure."""
        held = {}
        for window in WINDOWS:
            name, seen, parts = f"{topic}-aggregates-{window}", set(), {}
            if self.topics().get(name, {"offsets": 0})["offsets"]:
                out = self.kcat("-C", "-t", name, "-e", "-q", "-X", "isolation.level=read_committed", "-f", "%p\t%k\t%s\n")
                for line in out.decode().splitlines():
                    partition, key, value = line.split("\t")
                    place = key, json.loads(value)["windowStart"]
                    assert place not in seen, f"{name}: {place} is there twice"
                    seen.add(place)
                    parts.setdefault(int(partition), []).append((key, value))
            held[window] = parts
        return held

    def check_results(self, answer, topic="metrics", windows=WINDOWS):
        """The aggregates in the topics are the oracle's, each once, to the last bit."""
        for window in windows:
            expected = {(".".join(row[:3]), row[3]): row[5:] for row in answer.rows(window)}
            actual = {}
            for records in self.results(topic)[window].values():
                for key, text in records:
                    value = json.loads(text)
                    actual[key, value["windowStart"]] = [value["sampleCount"], value["min"], value["max"], value["sum"], value["average"]]
            for place, row in expected.items():
                assert place in actual, f"{window} s: {place} is missing; {len(actual)} of {len(expected)} are there"
                assert [float(n) for n in actual[place]] == [float(n) for n in row], f"{window} s: {place} is {actual[place]}, expected {row}"
            assert len(actual) == len(expected), f"{window} s: {len(actual)} results, expected {len(expected)}"

    def check_store(self, answer, windows=WINDOWS):
        for window in windows:
            path = self.folder / "actual.csv"
            path.write_text(self.query(window))
            difference = oracle.difference(answer.rows(window), oracle.parsed(path)[1])
            assert not difference, f"the store, {window} s: {difference}"

    def wait_for(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"{what}: not after {seconds} s"
            time.sleep(0.1)

    def lag(self, group, topic="metrics"):
        """Records behind the end of the topic, of the default pipeline of a group, as `topics` says; None when it has no positions yet."""
        if topic not in self.topics():
            return None
        out, _ = self("topics", topic, "--format", "json")
        rows = [row for row in map(json.loads, out.splitlines()) if row.get("group") == f"{group}.sql.{topic}"]
        return sum(row["lag"] for row in rows) if rows else None
