"""Fault sweep: every allocation, and every write or sync of a file, of one small replay and of one small run fails in turn, alone or with all later ones.

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
        arguments = ("replay", *SOURCE, *PACE) if command == "replay" else RUN
        status, _, messages = self.program.attempt(*arguments, "--data", data, environment=environment)
        return status, messages

    def prepare(self, command, data):
        shutil.rmtree(data, ignore_errors=True)
        if command == "run":
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
        else:
            self.program.do(*RUN, "--data", data)
            compare(self.program.snapshot(data, WINDOWS, OUTPUTS), self.results, name)
        shutil.rmtree(data)
        os.unlink(data + ".count") if os.path.exists(data + ".count") else None
