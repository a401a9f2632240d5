"""Fault sweep: every allocation, and every write or sync of a file, of one small replay, one small run and one small pipeline fails in turn, alone or with all later ones.

The faulty program ends with status 0, or 1 and a message, never by a signal; after that it is started again without faults and must come to exactly what an
undisturbed run comes to."""
import os
import shutil

from program import Failure, compare, copy_data, generator

WINDOWS = ("60", "600")
SOURCE = ("-t", "synthetic", "--series", 4, "--interval", "30s", "--duration", "20m", "--seed", 3, "--disordered", 0.1, "--late", 0.03, "--bad", 0.03)
PACE = ("-r", 10000)   # several commits, not one
RUN = ("run", "--until-end", "--final", "--windows", ",".join(WINDOWS), "--workers", 2)
OUTPUTS = [f"metrics-aggregates-{window}" for window in WINDOWS] + ["metrics-late", "metrics-rejected"]

# One worker, and nothing that depends on which partition was first.
PIPELINE = """
CREATE STREAM readings (k STRING KEY, `metricAttribute` STRING, `timestamp` STRING, `value` DOUBLE)
    WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='AVRO', TIMESTAMP='`timestamp`', TIMESTAMP_FORMAT='yyyy-MM-dd''T''HH:mm:ss[.SSS]X');
CREATE TABLE limits (k STRING PRIMARY KEY, most DOUBLE) WITH (KAFKA_TOPIC='limits', VALUE_FORMAT='JSON', PARTITIONS=4);
INSERT INTO limits (k, most) VALUES ('0.ELECTRICITY.VOLTAGE', 235.0);
CREATE STREAM high WITH (KAFKA_TOPIC='high', VALUE_FORMAT='JSON') AS SELECT k, `value` AS v FROM readings WHERE `value` > 1;
CREATE TABLE sums WITH (KAFKA_TOPIC='sums', VALUE_FORMAT='JSON') AS SELECT k, COUNT(*) AS n, SUM(`value`) AS s FROM readings GROUP BY k;
CREATE TABLE minutes WITH (KAFKA_TOPIC='minutes', VALUE_FORMAT='JSON') AS SELECT `metricAttribute` AS attribute, COUNT(*) AS n, MAX(`value`) AS most
    FROM readings WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 2 DAYS) GROUP BY `metricAttribute` EMIT FINAL;
CREATE STREAM above WITH (KAFKA_TOPIC='above', VALUE_FORMAT='JSON') AS SELECT readings.k AS k, `value` AS v, most FROM readings JOIN limits ON readings.k = limits.k WHERE `value` > most;
"""
PIPELINE_OUTPUTS = ["high", "sums", "minutes", "above", "metrics-rejected"]


class FaultSweep:
    def __init__(self, program, preload, folder):
        self.program, self.preload, self.folder = program, preload, folder
        self.input = os.path.join(folder, "sweep-input")
        self.outcomes = {"noticed": 0, "survived": 0}
        program.do("replay", *SOURCE, "--data", self.input)
        self.readings = program.snapshot(self.input, (), ["metrics"])
        done = os.path.join(folder, "sweep-reference")
        copy_data(self.input, done)
        program.do(*RUN, "--data", done)
        self.results = program.snapshot(done, WINDOWS, OUTPUTS)
        self.pipeline = ("run", os.path.join(folder, "pipeline.sql"), "--final", "--store", "none")
        with open(self.pipeline[1], "w", encoding="ascii") as file:
            file.write(PIPELINE)
        copy_data(self.input, done)
        program.do(*self.pipeline, "--data", done)
        self.written = program.snapshot(done, (), PIPELINE_OUTPUTS)
        for topic in ("metrics-late", "metrics-rejected"):
            if not self.results[f"topic {topic}"]:
                raise Failure(f"the sweep's input brings nothing into {topic}: choose another seed")

    def faulty(self, command, kind, data, at=None, forever=False, trace=False):
        """Runs replay or run with a fault; (status, stderr)."""
        environment = {"LD_PRELOAD": self.preload, "FAULT_CLASS": kind, "FAULT_COUNT_FILE": data + ".count"}
        if at:
            environment["FAULT_AT"] = str(at)
        if forever:
            environment["FAULT_FOREVER"] = "1"
        if trace:
            environment["FAULT_TRACE"] = "1"
        arguments = {"replay": ("replay", *SOURCE, *PACE), "run": RUN, "pipeline": self.pipeline}[command]
        status, _, messages = self.program.attempt(*arguments, "--data", data, environment=environment)
        return status, messages

    def prepare(self, command, data):
        shutil.rmtree(data, ignore_errors=True)
        if command != "replay":
            copy_data(self.input, data)

    def count(self, command, kind):
        """How many calls of the class there are in an undisturbed run."""
        data = os.path.join(self.folder, f"count-{command}-{kind}")
        self.prepare(command, data)
        status, messages = self.faulty(command, kind, data)
        if status != 0:
            raise Failure(f"{command} under the preload library without a fault: exit status {status}: {messages}")
        with open(data + ".count", encoding="ascii") as file:
            return int(file.read())

    def points(self, command, kind):
        """Every call, alone and with all later ones, in a shuffled order, so that any first part is a fair sample."""
        points = [(command, kind, at, forever) for at in range(1, self.count(command, kind) + 1) for forever in (False, True)]
        generator(command, kind).shuffle(points)
        return points

    def point(self, command, kind, at, forever, trace=False):
        name = f"{command}:{kind}:{at}" + (":forever" if forever else "")
        data = os.path.join(self.folder, name.replace(":", "-"))
        self.prepare(command, data)
        status, messages = self.faulty(command, kind, data, at, forever, trace)
        if trace:
            print(f"exit status {status}\n{messages}")
        if status not in (0, 1):
            raise Failure(f"{name}: exit status {status}: {messages.strip()[-300:]}")
        if status == 1 and not messages.strip():
            raise Failure(f"{name}: failed without a message")
        self.outcomes["noticed" if status else "survived"] += 1
        if command == "replay":
            self.program.do("replay", *SOURCE, "--resume", "--data", data)
            compare(self.program.snapshot(data, (), ["metrics"]), self.readings, name)
        elif command == "pipeline":
            self.program.do(*self.pipeline, "--data", data)
            compare(self.program.snapshot(data, (), PIPELINE_OUTPUTS), self.written, name)
        else:
            self.program.do(*RUN, "--data", data)
            compare(self.program.snapshot(data, WINDOWS, OUTPUTS), self.results, name)
        shutil.rmtree(data)
        os.unlink(data + ".count") if os.path.exists(data + ".count") else None
