"""Pipelines of SQL statements on Kafka: instances come and go, and everything is written once."""
import json
import random
import signal
import time

import cases_forms
import shipped_pipelines
import sql_pipeline
from program import QUICK, oracle, slow

SOURCE = ("-t", "synthetic", "--json", "--series", 40, "--interval", "5s", "--seed", 5, "--disordered", 0.05)
TRANSACTIONS = ("-X", "transaction.timeout.ms=4000")


def written(meterline):
    return {topic: sorted(meterline.records(topic), key=lambda r: (r["partition"], r["offset"])) for topic in sql_pipeline.TOPICS}


def test_pipeline_of_queries(meterline):
    """Repartition topics, changelogs, a join of two topics, a query of a query's results; then a second run that has nothing to do."""
    pipeline = meterline.file("pipeline.sql", sql_pipeline.PIPELINE)
    meterline("replay", *SOURCE, "--duration", "600s")
    meterline("run", pipeline, "--group", "pipeline", "--workers", 2, "--final", *QUICK)
    before = written(meterline)
    sql_pipeline.check(meterline.records("metrics"), before)
    meterline("run", pipeline, "--group", "pipeline", "--final", *QUICK)
    sql_pipeline.same_written(written(meterline), before)
    internal = {topic for topic in meterline.topics() if topic.startswith("_meterline-pipeline.")}
    assert internal == {f"_meterline-pipeline.{name}" for name in ("CTAS_TOTALS_2.repartition-0", "CTAS_TOTALS_2.changelog-1", "CTAS_ALARMS_5.changelog-0")}, internal


@slow
def test_pipeline_with_rebalances(meterline):
    """Two instances under load; one after the other is killed or stopped and replaced."""
    dice = random.Random(9)
    pipeline = meterline.file("pipeline.sql", sql_pipeline.PIPELINE)
    command = ("run", pipeline, "--group", "sweep", *QUICK, *TRANSACTIONS)
    meterline("replay", *SOURCE, "--duration", "60s")
    meterline("run", pipeline, "--group", "sweep", "--until-end", *QUICK)   # the topics are there
    replay = meterline.start("replay", *SOURCE, "--start", "2024-01-01T00:01:00Z", "--duration", "3600s", "-r", 1500)
    running = [meterline.start(*command), meterline.start(*command, "--workers", 2)]
    while replay.poll() is None:
        time.sleep(dice.uniform(1.0, 4.0))
        for process in running:
            assert process.poll() is None, f"an instance ended with {process.returncode}: {process.communicate()[1][-1500:]}"
        victim = running.pop(dice.randrange(len(running)))
        number = dice.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM))
        victim.send_signal(number)
        _, text = victim.communicate(timeout=60)
        assert victim.returncode == (0 if number == signal.SIGTERM else -number), f"exit status {victim.returncode}: {text[-1500:]}"
        running.append(meterline.start(*command, "--workers", dice.choice((1, 2))))
    assert replay.returncode == 0
    time.sleep(5)
    for process in running:
        process.send_signal(signal.SIGTERM)
        _, text = process.communicate(timeout=60)
        assert process.returncode == 0, text[-1500:]
    meterline("run", pipeline, "--group", "sweep", "--final", *QUICK, *TRANSACTIONS)
    sql_pipeline.check(meterline.records("metrics"), written(meterline))


def test_shipped_pipelines(meterline):
    """Every pipeline of share/pipelines at once, declared at the prompt, on real data."""
    shipped_pipelines.check(meterline, shipped_pipelines.run_all(meterline, "--group", "shipped", *QUICK))


ROWTIMES = """
CREATE STREAM S (K STRING KEY, V INT) WITH (KAFKA_TOPIC='given', VALUE_FORMAT='JSON', PARTITIONS=1);
CREATE TABLE C AS SELECT K, COUNT(*) AS N FROM S WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY K;
INSERT INTO S (ROWTIME, K, V) VALUES (2000, 'a', 1);
INSERT INTO S (ROWTIME, K, V) VALUES (7205000, 'a', 2);
INSERT INTO S (ROWTIME, K, V) VALUES (7206000, 'a', 3);
"""


def test_rowtime_of_inserts_is_kept(meterline):
    """Topics of statements keep the times of their records: the same answer as on the embedded log. What is replayed has the brokers' time."""
    pipeline = meterline.file("given.sql", ROWTIMES)
    embedded = f"sqlite:{meterline.folder}/embedded"
    answers = []
    for bus in ((), ("--bus", embedded)):
        meterline("run", pipeline, "--group", "given", "--until-end", *bus, *(QUICK if not bus else ()))
        records = [[json.loads(line) for line in meterline("tail", topic, "--from-beginning", "--until-end", "--format", "json", *bus)[0].splitlines()] for topic in ("given", "C")]
        answers.append([[(record["timestamp"], record["value"], record["key"]) for record in topic] for topic in records])
    assert answers[0] == answers[1], answers
    assert [time for time, _, _ in answers[0][0]] == ["1970-01-01T00:00:02Z", "1970-01-01T02:00:05Z", "1970-01-01T02:00:06Z"]
    assert [value["N"] for _, value, _ in answers[0][1]] in ([1, 1, 2], [1, 2]), answers
    meterline("replay", "-t", "synthetic", "--series", 1, "-c", 1)
    meterline("topics", "create", "mine")
    meterline("topics", "create", "results", "--timestamps", "producer")
    for topic in ("mine", "results"):
        meterline.kcat("-P", "-t", topic, input=b"x")
    kinds = {topic: json.loads(meterline.kcat("-C", "-t", topic, "-e", "-q", "-J", "-c", 1).decode(errors="replace"))["tstype"] for topic in ("metrics", "mine", "results", "given", "C")}
    assert kinds == {"metrics": "logappend", "mine": "logappend", "results": "create", "given": "create", "C": "create"}, kinds


def test_one_pipeline_in_several_forms(meterline):
    """The default pipeline and others of its meaning, with other names, another format and further windows: the oracle's numbers, to the last bit."""
    meterline("replay", *cases_forms.LOAD)
    answer = oracle.fold(oracle.topic_readings(meterline.dump()), cases_forms.WINDOWS, cases_forms.GRACE)
    for form in ("default", "names, order and alias", "another format", "further windows"):
        statements, topic, _ = cases_forms.FORMS[form]
        cases_forms.run_form(meterline, statements and statements.split("CREATE SINK CONNECTOR")[0], None, "--store", "none", *QUICK)
        for window in cases_forms.WINDOWS:
            found = cases_forms.results_of(meterline, topic, window)
            assert {place: [float(n) for n in numbers] for place, numbers in found.items()} == cases_forms.expected_results(answer, window), f"{form}, {window} s"


def test_an_input_that_is_deleted(meterline):
    """The queries of a group that do not read it go on, and the run ends when it is told to."""
    meterline("sql", "-e", """
        CREATE STREAM A (K STRING KEY, V INT) WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSON', PARTITIONS=2);
        CREATE TABLE B (K STRING PRIMARY KEY, W INT) WITH (KAFKA_TOPIC='b', VALUE_FORMAT='JSON', PARTITIONS=2);
        CREATE STREAM J AS SELECT A.K AS K, V, W FROM A JOIN B ON A.K = B.K;
        CREATE STREAM C AS SELECT K, V FROM A;""")

    def values():
        return [record["value"]["V"] for record in meterline.records("C")]

    run = meterline.start("run", "--group", "deleted", *QUICK)
    meterline("sql", "-e", "INSERT INTO B (K, W) VALUES ('x', 7); INSERT INTO A (K, V) VALUES ('x', 1);")
    meterline.wait_for(lambda: values() == [1], "the first record")
    meterline("sql", "-e", "DROP STREAM J; DROP TABLE B DELETE TOPIC;")
    meterline("sql", "-e", "INSERT INTO A (K, V) VALUES ('x', 2);")
    meterline.wait_for(lambda: values() == [1, 2], "what comes after the topic has gone")
    run.send_signal(signal.SIGTERM)
    _, text = run.communicate(timeout=30)
    assert run.returncode == 0, text
