"""Instances come and go: killed, stopped, started, paused. No result is lost, doubled or changed."""
import random
import signal
import time

from program import QUICK, WINDOWS, oracle

SOURCE = ("-t", "synthetic", "--series", 200, "--interval", "5s", "--seed", 11, "--disordered", 0.05, "--late", 0.002, "--bad", 0.001)


class Instances:
    """A changing number of `run` in one group."""

    def __init__(self, meterline, group, seed):
        self.meterline, self.group, self.random, self.running = meterline, group, random.Random(seed), []

    def start(self):
        self.running.append(self.meterline.start("run", "--group", self.group, "--workers", self.random.choice((1, 1, 2)), *QUICK, "-X", "transaction.timeout.ms=4000"))

    def check(self):
        """None may have ended by itself."""
        for process in self.running:
            if process.poll() is not None:
                raise AssertionError(f"an instance ended with {process.returncode}: {process.communicate()[1][-1500:]}")

    def end(self, process, number):
        self.running.remove(process)
        process.send_signal(number)
        _, text = process.communicate(timeout=60)
        assert process.returncode == (0 if number == signal.SIGTERM else -number), f"exit status {process.returncode}: {text[-1500:]}"


def test_kill_sweep_with_rebalances(meterline):
    """--rounds times, under load: an instance is killed (or stopped in peace) and another one started; then everything is compared with the oracle."""
    instances = Instances(meterline, "sweep", 5)
    rounds = meterline.rounds
    replay = meterline.start("replay", *SOURCE, "--duration", f"{rounds * 250}s", "-r", 6000)
    for _ in range(2):
        instances.start()
    for number in range(rounds):
        time.sleep(instances.random.uniform(0.2, 1.6))
        instances.check()
        victim = instances.random.choice(instances.running)
        instances.end(victim, signal.SIGTERM if number % 4 == 3 else signal.SIGKILL)
        while len(instances.running) < instances.random.choice((1, 2, 3)):
            instances.start()
    replay.communicate(timeout=300)
    assert replay.returncode == 0
    if not instances.running:
        instances.start()
    meterline.wait_for(lambda: meterline.lag("sweep") == 0, "the survivors catch up", 120)
    for process in list(instances.running):
        instances.end(process, signal.SIGTERM)
    meterline("run", "--group", "sweep", "--final", *QUICK)
    answer = oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300)
    meterline.check_results(answer)
    meterline.check_store(answer)
    metrics = meterline.metrics("--group", "sweep", "--until-end", *QUICK)
    meterline.check_conservation(metrics)
    rejected, late = meterline.records("metrics-rejected"), meterline.records("metrics-late")
    assert len(rejected) == metrics["meterline_records_rejected_total", "60"]
    origins = [(r["headers"]["origin.partition"], r["headers"]["origin.offset"]) for r in rejected + late]
    assert len(set(origins)) == len(origins), "a rejected or late reading is there twice"


def test_paused_instance_is_fenced(meterline):
    """An instance stops breathing (SIGSTOP), the group gives its partitions to another, it wakes up again: what it had begun is undone, it goes on."""
    instances = Instances(meterline, "paused", 1)
    replay = meterline.start("replay", *SOURCE, "--duration", "3000s", "-r", 6000)
    instances.start()
    meterline.wait_for(lambda: meterline.lag("paused") is not None, "the first instance works")
    first = instances.running[0]
    first.send_signal(signal.SIGSTOP)
    instances.start()
    time.sleep(7)
    first.send_signal(signal.SIGCONT)
    replay.communicate(timeout=120)
    meterline.wait_for(lambda: meterline.lag("paused") == 0, "all is read", 90)
    instances.check()
    for process in list(instances.running):
        instances.end(process, signal.SIGTERM)
    meterline("run", "--group", "paused", "--final", *QUICK)
    answer = oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300)
    meterline.check_results(answer)
