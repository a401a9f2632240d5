"""The program under test: starting it, killing it, and everything that it has left in a data folder, in a form that can be compared."""
import collections
import hashlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import time

TIMEOUT = 60   # seconds a command may take before it counts as hung


class Failure(Exception):
    """Something that must hold does not."""


def scratch_folder():
    """A folder in memory when there is room: a kill loses no page cache, so what is tested does not depend on the disk."""
    memory = "/dev/shm"
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30:
        return tempfile.TemporaryDirectory(prefix="meterline-fault-", dir=memory)
    return tempfile.TemporaryDirectory(prefix="meterline-fault-")


class Program:
    def __init__(self, binary):
        self.binary = os.path.abspath(binary)

    def start(self, *arguments, environment=None):
        return subprocess.Popen([self.binary, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env=dict(os.environ, **(environment or {})))

    def attempt(self, *arguments, environment=None):
        """(exit status, stdout, stderr); a signal that ended it is a negative status."""
        try:
            done = subprocess.run([self.binary, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
                                  env=dict(os.environ, **(environment or {})))
        except subprocess.TimeoutExpired:
            raise Failure(f"hangs: meterline {' '.join(map(str, arguments))}") from None
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    def do(self, *arguments):
        """stdout of a command that must succeed."""
        status, output, messages = self.attempt(*arguments)
        if status != 0:
            raise Failure(f"exit status {status}: meterline {' '.join(map(str, arguments))}: {messages.strip()[-400:]}")
        return output

    def started_then_killed(self, delay, *arguments):
        """Starts a command and kills it with SIGKILL after `delay` seconds; True when that hit it before it was done."""
        process = self.start(*arguments)
        try:
            _, messages = process.communicate(timeout=delay)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return True
        if process.returncode != 0:
            raise Failure(f"exit status {process.returncode}: meterline {' '.join(map(str, arguments))}: {messages.decode(errors='replace').strip()[-400:]}")
        return False

    # --- what a data folder holds ---------------------------------------------------------------------------------------------

    def topics(self, data):
        """name -> number of records"""
        counts = collections.Counter()
        for line in self.do("topics", "--data", data, "--format", "json").splitlines():
            row = json.loads(line)
            counts[row["topic"]] += row["records"]
        return counts

    def records(self, data, topic, count):
        """partition -> list of (offset, key, value, headers), without the wall-clock time of the append."""
        partitions = collections.defaultdict(list)
        if count == 0:
            return partitions
        output = self.do("tail", topic, "--data", data, "--from-beginning", "--count", count, "--format", "json")
        for line in output.splitlines():
            row = json.loads(line)
            partitions[row["partition"]].append((row["offset"], row["key"], json.dumps(row["value"]), json.dumps(row.get("headers"))))
        for partition, rows in partitions.items():
            if [row[0] for row in rows] != list(range(len(rows))):
                raise Failure(f"{topic} partition {partition}: the offsets have gaps or doubles")
        return partitions

    def store(self, data, window):
        return self.do("query", "--data", data, "--window", window, "--format", "csv")

    def snapshot(self, data, windows, topics=None):
        """Everything that must not depend on kills and faults: topics (all, or those named) and the store's rows."""
        held = {}
        counts = self.topics(data)
        for topic in topics if topics is not None else counts:
            partitions = self.records(data, topic, counts[topic])
            if topic.endswith(("-late", "-rejected")):
                partitions = by_origin(partitions)
            held[f"topic {topic}"] = {partition: Sequence(rows) for partition, rows in partitions.items()}
        for window in windows:
            held[f"store {window}"] = Sequence(self.store(data, window).splitlines())
        return held


def by_origin(partitions):
    """Mail from several partitions, in the order of where it came from: between those its order depends on who was first."""
    rows = [row[1:] for rows in partitions.values() for row in rows]

    def origin(row):
        headers = json.loads(row[-1])
        return int(headers["origin.partition"]), int(headers["origin.offset"])
    return {"all": sorted(rows, key=origin)} if rows else {}


class Sequence:
    """Lines or records: kept whole when few, otherwise as a digest with samples that say where two differ."""

    def __init__(self, rows):
        self.count = len(rows)
        self.digest = hashlib.blake2b(repr(rows).encode()).digest()
        self.rows = rows

    def __eq__(self, other):
        return isinstance(other, Sequence) and self.digest == other.digest

    def difference(self, expected):
        for i, (mine, theirs) in enumerate(zip(self.rows, expected.rows)):
            if mine != theirs:
                return f"row {i} is {str(mine)[:300]}, expected {str(theirs)[:300]}"
        return f"{self.count} rows, expected {expected.count}"


def compare(held, expected, what):
    """Failure with the first difference between two snapshots."""
    for name in expected:
        if name not in held:
            raise Failure(f"{what}: {name} is missing")
        mine, theirs = held[name], expected[name]
        if isinstance(theirs, Sequence):
            mine, theirs = {0: mine}, {0: theirs}
        if mine.keys() != theirs.keys():
            raise Failure(f"{what}: {name} has partitions {sorted(mine)}, expected {sorted(theirs)}")
        for partition in theirs:
            if mine[partition] != theirs[partition]:
                raise Failure(f"{what}: {name}, partition {partition}: {mine[partition].difference(theirs[partition])}")
    for name in held:
        if name not in expected:
            raise Failure(f"{what}: {name} should not be there")


def counters(path):
    """The totals of a group from `run --metrics`: what does not depend on how often it was started."""
    totals = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                # Of a query: what has no query is about this run, and memory is a gauge of now.
                if "{" in name and not name.startswith("meterline_state_bytes"):
                    totals[name] = int(value)
    return totals


def check_conservation(totals):
    """For every query: read = folded + late + rejected + null + filtered."""
    values = {}
    for name, value in totals.items():
        metric, labels = name.rstrip("}").split("{")
        values[metric, labels] = value
    for (metric, labels), folded in values.items():
        if metric != "meterline_records_folded_total":
            continue
        rest = sum(values[f"meterline_records_{kind}_total", labels] for kind in ("late", "rejected", "null", "filtered", "failed", "duplicate"))
        read = values["meterline_records_read_total", labels]
        if read != folded + rest:
            raise Failure(f"{labels}: read {read} != folded {folded} + others {rest}")


def measured(function):
    """Seconds that a call takes."""
    begin = time.monotonic()
    function()
    return time.monotonic() - begin


def copy_data(source, target):
    """A data folder that nobody has open."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def generator(*parts):
    return random.Random("/".join(map(str, parts)))
