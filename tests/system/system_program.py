"""The program under test, its data folder, and what the tests ask of both."""
import csv
import io
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "share/sample/household_power_consumption.txt.gz"
SHARED = ROOT.parent / "shared/data"
sys.path.insert(0, str(ROOT / "tools"))
import oracle  # noqa: E402


class Skipped(Exception):
    """A test that cannot be done here, with the reason."""


def slow(case):
    case.slow = True
    return case


class Program:
    def __init__(self, binary: str, folder: pathlib.Path):
        self.binary, self.folder, self.data, self.started = binary, folder, folder / "data", []

    @property
    def sanitized(self):
        """Built with a sanitizer: what it takes of memory is no measure."""
        return "asan" in str(self.binary) or "tsan" in str(self.binary)

    def command(self, *words, data=None):
        return [self.binary, *map(str, words), "--data", str(data or self.data)]

    def start(self, *words, **how):
        process = subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how)
        self.started.append(process)
        return process

    def close(self):
        """A test that fails leaves no process behind."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def __call__(self, *words, status=0, input=None, data=None, says=(), environment=None):
        """Runs a command; checks its exit status and that its messages contain the words; returns (stdout, stderr)."""
        raw = isinstance(input, bytes)
        done = subprocess.run(self.command(*words, data=data), input=input, capture_output=True, timeout=300, text=not raw, env=environment and {**os.environ, **environment})
        out, err = (done.stdout.decode(), done.stderr.decode()) if raw else (done.stdout, done.stderr)
        assert done.returncode == status, f"{' '.join(map(str, words))}: exit status {done.returncode}, expected {status}; {err[-2000:]}"
        for word in [says] if isinstance(says, str) else says:
            assert word in err, f"{' '.join(map(str, words))}: expected '{word}' in: {err[-2000:]}"
        return out, err

    def shown(self, *words):
        """What a command prints, also when it fails: there may be nothing yet."""
        return subprocess.run(self.command(*words), capture_output=True, timeout=300).stdout

    @staticmethod
    def wait_for(holds, process, seconds=60):
        """Waits while the process runs until the condition holds."""
        until = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < until and process.poll() is None, "what was waited for has not come"
            time.sleep(0.05)

    def path(self, name):
        return self.folder / name

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def query(self, window=3600, *more):
        return self("query", "--window", window, "--format", "csv", *more)[0]

    def rows(self, window=3600, *more):
        return list(csv.DictReader(io.StringIO(self.query(window, *more))))

    def records(self, topic, *more, data=None):
        out, _ = self("tail", topic, "--from-beginning", "--timeout", "200ms", "--format", "json", *more, data=data)
        return [json.loads(line) for line in out.splitlines()]

    def end_offsets(self, topic="metrics"):
        out, _ = self("topics", topic, "--format", "csv")
        table = out.split("group,")[0]
        return sum(int(row["endOffset"]) for row in csv.DictReader(io.StringIO(table)))

    def metrics(self, *words):
        """Runs with --metrics; returns {(name, window): sum over partitions}."""
        path = self.folder / "metrics.prom"
        self("run", "--metrics", path, *words)
        totals = {}
        for line in path.read_text().splitlines():
            if line.startswith("#"):
                continue
            name, value = line.rsplit(" ", 1)
            window = name.split('window="')[1].split('"')[0] if 'window="' in name else None
            key = name.split("{")[0], window
            totals[key] = totals.get(key, 0) + int(value)
        return totals

    def check_conservation(self, metrics, windows=("60", "600", "3600", "86400")):
        for window in windows:
            read = metrics["meterline_records_read_total", window]
            assert read == self.end_offsets(), f"read {read} of {self.end_offsets()}"
            parts = sum(metrics[f"meterline_records_{what}_total", window] for what in ("folded", "late", "rejected", "null", "filtered"))
            assert read == parts, f"window {window}: read {read}, accounted for {parts}"

    def check_oracle(self, readings, windows=(60, 600, 3600, 86400), grace=300):
        """`readings` is the oracle's input; every row of every size must be equal. Returns the oracle's answer."""
        answer = oracle.fold(readings, windows, grace)
        for window in windows:
            path = self.folder / "actual.csv"
            path.write_text(self.query(window))
            head, actual = oracle.parsed(path)
            assert head == oracle.HEADER, head
            difference = oracle.difference(answer.rows(window), actual)
            assert not difference, f"window {window}: {difference}"
        return answer

    def dump(self, topic="metrics"):
        """The topic as a file for oracle.topic_readings."""
        path = self.folder / "topic.json"
        path.write_text(self("tail", topic, "--from-beginning", "--timeout", "300ms", "--format", "json")[0])
        return path
