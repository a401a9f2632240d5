"""Three brokers of which some go: killed, stopped in peace (coordinators and leaders move), all of them, one that stops answering. Results are the oracle's, once each."""
import os
import re
import signal
import time

from program import QUICK, WINDOWS, KafkaProgram, oracle
from engines.kafka import Kafka

SOURCE = ("-t", "synthetic", "--series", 200, "--interval", "5s", "--seed", 23, "--disordered", 0.05, "--late", 0.002, "--bad", 0.001)
LONG = 60 if os.environ.get("METERLINE_LONG") else 15   # seconds without any broker


class Load:
    """A paced replay and two instances of one group; `finish` brings all to an end and compares. The replay is taken up again when it had to stop."""

    def __init__(self, meterline, kafka, group, seconds=3000, rate=8000, more=()):
        self.meterline = KafkaProgram(meterline.binary, meterline.folder, kafka.bootstrap, meterline.environment["METERLINE_REGISTRY"])
        self.group, self.seconds, self.more = group, seconds, (*QUICK, "-X", "transaction.timeout.ms=4000", *more)
        self.topic = f"metrics-{group}"
        self.meterline("topics", "create", self.topic)
        self.replay = self.meterline.start(*self.publish(), "-r", rate)
        self.runs = [self.meterline.start(*self.run()) for _ in range(2)]
        self.meterline.wait_for(lambda: self.meterline.lag(group, self.topic) is not None, "the group works")

    def publish(self):
        return ("replay", *SOURCE, "--duration", f"{self.seconds}s", "--topic", self.topic, "--resume")

    def run(self):
        return ("run", "--group", self.group, "--topic", self.topic, *self.more)

    def finish(self):
        """Messages of the runs."""
        meterline, said = self.meterline, []
        _, text = self.replay.communicate(timeout=200)
        assert self.replay.returncode == 0 or text.strip(), "the replay has stopped without a word"
        meterline(*self.publish())
        meterline.wait_for(lambda: meterline.lag(self.group, self.topic) == 0, "all is read", 120)
        for process in self.runs:
            assert process.poll() is None, f"a run has ended with {process.returncode}: {process.communicate()[1][-1500:]}"
            process.send_signal(signal.SIGTERM)
            _, text = process.communicate(timeout=60)
            assert process.returncode == 0, text[-1500:]
            said.append(text)
        meterline("run", "--group", self.group, "--topic", self.topic, "--final", *QUICK)
        published = meterline.dump(self.topic)
        answer = oracle.fold(oracle.topic_readings(published), WINDOWS, 300)
        meterline.check_results(answer, self.topic)
        meterline.check_store(answer)
        whole = 200 * self.seconds // 5
        assert whole * 0.99 < sum(1 for _ in open(published, encoding="utf-8")) <= whole, "readings are missing, or doubled"
        meterline.close()
        return "".join(said)


def test_brokers_of_three_go_and_come(meterline):
    """One after the other: killed; stopped in peace; paused for longer than the transaction time-out; all of them for a while."""
    with Kafka(brokers=3, heap="384m") as kafka:
        load = Load(meterline, kafka, "cluster", seconds=4000)
        kafka.kill_broker(1)
        time.sleep(3)
        kafka.start_broker(1)
        kafka.stop_broker(2)
        time.sleep(3)
        kafka.start_broker(2)
        kafka.pause_broker(3)
        time.sleep(7)
        kafka.resume_broker(3)
        time.sleep(2)
        load.finish()


def test_all_brokers_away(meterline):
    with Kafka(brokers=1) as kafka:
        load = Load(meterline, kafka, "away", seconds=2000)
        time.sleep(1)
        kafka.kill_broker(1)
        time.sleep(LONG)
        kafka.start_broker(1)
        said = load.finish()
        assert "waiting" in said or "goes back to the committed positions" in said, said


def test_broker_that_does_not_answer_undoes_transactions(meterline):
    """Commit time-out: the broker is paused for longer than transaction.timeout.ms; what was begun is undone, and done again."""
    with Kafka(brokers=1) as kafka:
        load = Load(meterline, kafka, "paused-broker", seconds=2000)
        for _ in range(2):
            time.sleep(1)
            kafka.pause_broker(1)
            time.sleep(6)
            kafka.resume_broker(1)
        load.finish()


def test_instance_with_a_name_goes_on_at_once(meterline):
    """Killed with a transaction of a minute open; the next process of its name ends it, nobody waits for the time-out."""
    words = ("run", "--group", "named", "--instance", "one", *QUICK, "-X", "transaction.timeout.ms=60000")
    replay = meterline.start("replay", *SOURCE, "--duration", "1500s", "-r", 6000)
    for _ in range(3):
        run = meterline.start(*words)
        before = meterline.lag("named")
        meterline.wait_for(lambda b=before: (meterline.lag("named") or 0) != (b or 0), "the instance commits", 20)
        time.sleep(0.4)
        run.kill()
        run.communicate()
    replay.communicate(timeout=60)
    begin = time.monotonic()
    meterline("run", "--group", "named", "--instance", "one", "--final", *QUICK)
    assert time.monotonic() - begin < 50, "the open transaction was waited for"
    meterline.check_results(oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300))


def test_two_processes_of_one_name(meterline):
    meterline("replay", *SOURCE, "--duration", "500s")
    replay = meterline.start("replay", *SOURCE, "--duration", "4000s", "-r", 3000, "--resume")
    first = meterline.start("run", "--group", "twins", "--instance", "same", *QUICK)
    meterline.wait_for(lambda: meterline.lag("twins") is not None, "the first works")
    second = meterline.start("run", "--group", "twins", "--instance", "same", *QUICK)
    _, text = first.communicate(timeout=40)
    assert first.returncode == 1 and re.search("another process works as meterline.same", text), text
    assert second.poll() is None
    replay.terminate()
    replay.communicate(timeout=30)
    meterline.wait_for(lambda: meterline.lag("twins") == 0, "the second goes on", 40)
    second.terminate()
    second.communicate(timeout=30)
    meterline("run", "--group", "twins", "--final", *QUICK)
    meterline.check_results(oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300))
