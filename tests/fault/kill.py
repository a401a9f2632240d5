"""Kill sweep: replay and run killed by SIGKILL at random moments and started again until they are done, alone and at the same time.

Whatever the moments: the store, the aggregates, late and rejected topics and the counters kept with the positions are those of one
uninterrupted run, to the last bit, and the topic of the readings holds each of them once."""
import os
import shutil
import signal
import time

from program import TIMEOUT, Failure, check_conservation, compare, copy_data, counters, generator, measured

WINDOWS = ("60", "600", "3600", "86400")
SOURCE = ("-t", "synthetic", "--series", 40, "--interval", "5s", "--seed", 7, "--disordered", 0.05, "--late", 0.002, "--bad", 0.001)
# Unpaced for `run`, which commits every 100 ms while it is behind; paced for `replay`, which then commits every few milliseconds.
LARGE = (*SOURCE, "--duration", "36000s")
SMALL = (*SOURCE, "--duration", "3000s")
PACE = ("-r", 120000)
FINISH = ("--until-end", "--final")
KILLS = 6   # of one command, before it may finish undisturbed
OUTPUTS = [f"metrics-aggregates-{window}" for window in WINDOWS] + ["metrics-late", "metrics-rejected"]


def must_end_with(process, status, what):
    _, messages = process.communicate(timeout=TIMEOUT)
    if process.returncode != status:
        raise Failure(f"{what}: exit status {process.returncode}: {messages.decode(errors='replace').strip()[-400:]}")


class KillSweep:
    def __init__(self, program, folder, seed):
        self.program, self.folder, self.seed = program, folder, seed
        self.hits = 0
        self.references = {}
        self.large = self.path("large")
        self.replay_time = measured(lambda: self.program.do("replay", *SMALL, *PACE, "--data", self.path("small")))
        self.program.do("replay", *LARGE, "--data", self.large)
        self.references["small"] = self.reference("small", None)
        self.run_time = {}
        self.references["large"] = self.reference("large", OUTPUTS)

    def path(self, name):
        return os.path.join(self.folder, name)

    def reference(self, name, topics):
        """An uninterrupted run, for each number of workers; they must agree among themselves."""
        first = None
        for workers in (1, 2, 4):
            data, metrics = self.path(f"{name}-{workers}"), self.path(f"{name}-{workers}.prom")
            copy_data(self.path(name), data)
            seconds = measured(lambda d=data, m=metrics, w=workers: self.program.do("run", *FINISH, "--workers", w, "--metrics", m, "--data", d))
            if name == "large":
                self.run_time[workers] = seconds
            held = (self.program.snapshot(data, WINDOWS, topics), counters(metrics))
            check_conservation(held[1])
            if first is None:
                first = held
            compare(held[0], first[0], f"{workers} workers, uninterrupted")
            if held[1] != first[1]:
                raise Failure(f"{workers} workers, uninterrupted: other counters than with 1")
        return first

    def kill(self, random, seconds, *arguments):
        """One start of a command, killed at a random moment of the time that it takes; False when it was done before."""
        hit = self.program.started_then_killed(random.uniform(0, seconds), *arguments)
        self.hits += hit
        return hit

    def finish_and_compare(self, data, reference, workers, what):
        metrics = data + ".prom"
        topics = None if reference == "small" else OUTPUTS
        self.program.do("run", *FINISH, "--workers", workers, "--metrics", metrics, "--data", data)
        expected, totals = self.references[reference]
        compare(self.program.snapshot(data, WINDOWS, topics), expected, what)
        mine = counters(metrics)
        check_conservation(mine)
        for name in totals:
            if mine.get(name) != totals[name]:
                raise Failure(f"{what}: counter {name} is {mine.get(name)}, expected {totals[name]}")

    def replay_round(self, random, data, workers):
        for _ in range(KILLS):
            if not self.kill(random, self.replay_time, "replay", *SMALL, *PACE, "--resume", "--data", data):
                break
        self.program.do("replay", *SMALL, "--resume", "--data", data)
        self.finish_and_compare(data, "small", workers, "replay killed")

    def run_round(self, random, data, workers):
        copy_data(self.large, data)
        for _ in range(KILLS):
            if not self.kill(random, self.run_time[workers], "run", *FINISH, "--workers", workers, "--data", data):
                break
        self.finish_and_compare(data, "large", workers, "run killed")

    def kill_run_beside_replay(self, random, data, workers):
        run = self.program.start("run", "--workers", workers, "--data", data)
        if random.random() < 0.5:   # kill both
            self.kill(random, self.replay_time, "replay", *SMALL, *PACE, "--resume", "--data", data)
        else:                       # only run; replay must not mind
            replay = self.program.start("replay", *SMALL, *PACE, "--resume", "--data", data)
            time.sleep(random.uniform(0, self.replay_time))
            run.kill()
            must_end_with(replay, 0, "replay beside a killed run")
        run.kill()
        must_end_with(run, -signal.SIGKILL, "run beside replay")
        self.hits += 1

    def both_round(self, random, data, workers):
        """Both at work on the same folder; each is killed and started again on its own."""
        for _ in range(KILLS // 2):
            self.kill_run_beside_replay(random, data, workers)
        self.program.do("replay", *SMALL, "--resume", "--data", data)
        self.finish_and_compare(data, "small", workers, "replay and run killed")

    def round(self, number):
        """Round `number`; the same seed and number kill at the same delays."""
        random = generator("kill", self.seed, number)
        workers = (1, 2, 4)[number // 3 % 3]
        data = self.path(f"round-{number}")
        (self.replay_round, self.run_round, self.both_round)[number % 3](random, data, workers)
        shutil.rmtree(data)
