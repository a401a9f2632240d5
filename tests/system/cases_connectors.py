"""Connectors: topics that leave the log for a webhook, the cache and the store."""
import http.server
import json
import os
import pathlib
import signal
import sqlite3
import threading
import time

SHARE = pathlib.Path(__file__).resolve().parents[2] / "share/pipelines"


class Hook:
    """A server that answers `answers` in turn (a pair: with Retry-After; None: never), then 200, and keeps what it was sent and said yes to, and when it was asked."""

    def __init__(self, *answers):
        self.answers, self.taken, self.headers, self.times = list(answers), [], [], []
        self.closed = threading.Event()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = hook.answers.pop(0) if hook.answers else 200
                hook.headers.append(dict(self.headers))
                hook.times.append(time.monotonic())
                if answer is None:
                    hook.closed.wait()
                    return
                answer, after = answer if isinstance(answer, tuple) else (answer, None)
                if answer < 300:
                    hook.taken.append(json.loads(body))
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                if after is not None:
                    self.send_header("Retry-After", str(after))
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/alarms"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.closed.set()
        self.server.shutdown()
        self.server.server_close()


COPY = """CREATE STREAM READINGS (SERIES STRING KEY, `gateway` STRING, `value` DOUBLE) WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='AVRO');
CREATE STREAM COPIES WITH (KAFKA_TOPIC='copies', VALUE_FORMAT='JSON', PARTITIONS=1) AS SELECT SERIES, `gateway`, `value` FROM READINGS PARTITION BY SERIES;
"""


def hook_of(url, *more):
    return COPY + f"CREATE SINK CONNECTOR HOOK WITH ('type'='webhook', 'url'='{url}', {''.join(f'{word}, ' for word in more)}'topics'='copies');"


def readings(meterline, count):
    lines = ["gateway,type,attribute,timestamp,value"]
    lines += [f"{n % 3},ELECTRICITY,VOLTAGE,2007-01-01T00:{n // 60:02d}:{n % 60:02d}Z,{230 + n % 20}" for n in range(count)]
    return meterline.file("readings.csv", "\n".join(lines) + "\n")


def test_webhook(meterline):
    """Every alarm is posted, in order, as JSON; what was not taken comes again, what was refused is mail."""
    statements = (SHARE / "alarms.sql").read_text()
    with Hook(503, 429, 200, 404) as hook:
        statements += (f"CREATE SINK CONNECTOR HOOK WITH ('type'='webhook', 'url'='{hook.url}', 'authorization'='Bearer secret', 'topics'='alarms');"
                       "INSERT INTO ALARM_THRESHOLDS (SERIES, MIN_VALUE, MAX_VALUE) VALUES ('1.ELECTRICITY.VOLTAGE', 232.0, 247.0);")
        pipeline = meterline.file("pipeline.sql", statements)
        meterline("replay", "-t", "readings", readings(meterline, 120))
        meterline("run", pipeline, "--until-end")
        alarms = [n for n in range(120) if n % 3 == 1 and not 232 <= 230 + n % 20 <= 247]
        assert len(alarms) > 5, alarms
        expected = [alarm for i, alarm in enumerate(alarms) if i != 1]   # the second was refused by 404
        posted = [(int(at[14:16]) * 60 + int(at[17:19]), body["value"]["alarmType"]) for body in hook.taken for at in (body["value"]["timestamp"],)]
        assert posted == [(n, "UNDER" if 230 + n % 20 < 232 else "OVER") for n in expected], posted
        assert {body["topic"] for body in hook.taken} == {"alarms"} and {body["key"] for body in hook.taken} == {"1.ELECTRICITY.VOLTAGE"}
        assert all(headers["Authorization"] == "Bearer secret" for headers in hook.headers)
        assert len(meterline.records("alarms-rejected")) == 1
        before = len(hook.taken)
        meterline("run", pipeline, "--until-end")
        assert len(hook.taken) == before, "posted again"


def test_cache(meterline):
    """The newest time of each gateway by SQL, in the cache."""
    meterline("replay", "-t", "readings", readings(meterline, 120))
    meterline("run", SHARE / "latest.sql", "--until-end")
    out, _ = meterline("query", "--latest", "gateways", "--format", "csv")
    assert out.split() == ["gateway,timestamp", "0,2007-01-01T00:01:57Z", "1,2007-01-01T00:01:58Z", "2,2007-01-01T00:01:59Z"], out


def test_store_takes_aggregates_only(meterline):
    """Other topics are refused where they are said; a connector that cannot start is told, and holds up nothing else."""
    pipeline = "CREATE SINK CONNECTOR S WITH ('type'='store', 'topics'='alarms');" + COPY
    meterline("replay", "-t", "readings", readings(meterline, 12))
    meterline("run", meterline.file("wrong.sql", pipeline), "--until-end", status=1, says=("line 1, column", "alarms is none"))
    meterline("run", meterline.file("pipeline.sql", pipeline.replace("alarms", "m-aggregates-60")), "--until-end", "--store", "none", status=1,
              says=("there is no store",))
    assert len(meterline.records("copies")) == 12



def test_webhook_gets_on_under_a_rate_limit(meterline):
    """A server that takes three and then wants a pause gets each record once, in order; the pause is as long as it says."""
    with Hook(*([200, 200, 200, (429, 1)] * 2 + [503])) as hook:
        meterline("replay", "-t", "readings", readings(meterline, 12))
        meterline("run", meterline.file("pipeline.sql", hook_of(hook.url)), "--until-end")
        assert [body["offset"] for body in hook.taken] == list(range(12)), [body["offset"] for body in hook.taken]
        pauses = [hook.times[i + 1] - hook.times[i] for i in (3, 7)]
        assert all(pause >= 0.95 for pause in pauses), pauses


def wait_for_text(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text} was not said")


def end_of(process):
    begin = time.monotonic()
    process.send_signal(signal.SIGTERM)
    text = process.communicate(timeout=60)[1]
    return text, time.monotonic() - begin


def test_stop_while_a_webhook_is_away(meterline):
    """SIGTERM ends a drain at once, whether nobody is at the address or the server does not answer, and what is left comes with the next run."""
    meterline("replay", "-t", "readings", readings(meterline, 12))
    with Hook(None) as silent, Hook() as hook:
        for url, more in (("http://127.0.0.1:1/", "the webhook cannot be reached"), (silent.url, None)):
            pipeline = meterline.file("pipeline.sql", hook_of(hook.url).replace(hook.url, url).replace("HOOK", "H" + url[-2:-1].upper()))
            run = meterline.start("run", pipeline, "--until-end")
            if more:
                wait_for_text(run, "is waiting: " + more)
            else:
                while not silent.times:
                    time.sleep(0.01)
            text, took = end_of(run)
            assert run.returncode == 0 and took < 5, (run.returncode, took, text)
            assert "not delivered" in text or "still waits" in text, text
            meterline("sql", "-e", f"DROP CONNECTOR H{url[-2:-1].upper()};")
        meterline("run", meterline.file("pipeline.sql", hook_of(hook.url)), "--until-end")
        assert len(hook.taken) == 12


def test_drain_limit(meterline):
    """--until-end does not wait for ever: it says what was not delivered, and the next run delivers it."""
    meterline("replay", "-t", "readings", readings(meterline, 12))
    _, err = meterline("run", meterline.file("pipeline.sql", hook_of("http://127.0.0.1:1/")), "--until-end", "--drain-limit", "500ms", status=1)
    assert "connector HOOK: 12 records of topic copies are not delivered: the webhook cannot be reached" in err, err
    assert len(meterline.records("copies")) == 12


def test_authorization(meterline):
    """From the environment by name; a line break in it is refused; in plain text it is taken with a warning, and never shown."""
    meterline("replay", "-t", "readings", readings(meterline, 3))
    with Hook() as hook:
        pipeline = meterline.file("pipeline.sql", hook_of(hook.url, "'authorization.env'='HOOK_SECRET'"))
        _, err = meterline("run", pipeline, "--until-end", status=1)
        assert "no variable HOOK_SECRET" in err, err
        _, err = meterline("run", pipeline, "--until-end", environment={"HOOK_SECRET": "Bearer a\r\nX-Evil: b"}, status=1)
        assert "line break" in err and "Evil" not in err, err
        _, err = meterline("run", pipeline, "--until-end", environment={"HOOK_SECRET": "Bearer from-outside"})
        assert {headers["Authorization"] for headers in hook.headers} == {"Bearer from-outside"} and len(hook.headers) == 3
        assert "from-outside" not in err and "from-outside" not in json.dumps(meterline.records("_meterline-commands"))
        plain = hook_of(hook.url, "'authorization'='Bearer plain'").replace("HOOK", "HOOK2")
        _, err = meterline("run", meterline.file("plain.sql", plain), "--until-end", environment={"HOOK_SECRET": "x"})
        assert "'authorization.env'" in err and "Bearer plain" not in err, err


def test_cache_that_lost_everything_is_filled_again(meterline):
    """The cache's own database is deleted, the log's positions are not."""
    cache = meterline.path("cache")
    meterline("replay", "-t", "readings", readings(meterline, 120))
    words = ("run", SHARE / "latest.sql", "--until-end", "--cache", f"sqlite:{cache}")
    latest = ("query", "--latest", "gateways", "--format", "csv", "--cache", f"sqlite:{cache}")
    meterline(*words)
    before, _ = meterline(*latest)
    assert len(before.split()) == 4
    for name in os.listdir(cache):
        os.unlink(os.path.join(cache, name))
    _, err = meterline(*words)
    assert "has lost what it was given" in err, err
    after, _ = meterline(*latest)
    assert before == after
    _, err = meterline(*words)
    assert "has lost" not in err, err


def test_metrics_file_follows_no_link(meterline):
    victim = pathlib.Path(meterline.file("victim", "mine"))
    metrics = pathlib.Path(meterline.path("m.prom"))
    os.symlink(victim, f"{metrics}.new")
    meterline("run", "--until-end", "--metrics", metrics)
    assert victim.read_text() == "mine" and metrics.stat().st_mode & 0o777 == 0o600
    metrics.unlink()
    os.symlink(victim, metrics)
    meterline("run", "--until-end", "--metrics", metrics)
    assert victim.read_text() == "mine" and not metrics.is_symlink()


def own_aggregates(topic_of, sizes=(60, 3600), more=""):
    """The aggregates in a form of their own: names, order of columns, an alias."""
    return """CREATE STREAM R (K STRING KEY, `value` DOUBLE, `gateway` STRING, `metricType` STRING, `metricAttribute` STRING, `timestamp` STRING) WITH (KAFKA_TOPIC='metrics', VALUE_FORMAT='AVRO',
  TIMESTAMP='`timestamp`', TIMESTAMP_FORMAT='yyyy-MM-dd''T''HH:mm:ssX');
""" + "".join(f"""CREATE TABLE T{size} WITH (KAFKA_TOPIC='{topic_of(size)}', VALUE_FORMAT='JSON', WINDOW_IN_KEY=FALSE) AS
  SELECT X.K AS K, AVG(`value`) AS `average`, SUM(`value`) AS `sum`, LATEST_BY_OFFSET(`gateway`) AS `gateway`, LATEST_BY_OFFSET(`metricAttribute`) AS `metricAttribute`,
    LATEST_BY_OFFSET(`metricType`) AS `metricType`, MAX(`value`) AS `max`, MIN(`value`) AS `min`, COUNT(*) AS `sampleCount`,
    FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWEND), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowEnd`, FORMAT_TIMESTAMP(FROM_UNIXTIME(WINDOWSTART), 'yyyy-MM-dd''T''HH:mm:ssX') AS `windowStart`
  FROM R X WINDOW TUMBLING (SIZE {size} SECONDS, GRACE PERIOD 5 MINUTES) GROUP BY X.K EMIT FINAL;
""" for size in sizes) + more


def store_of(topic_of, sizes=(60, 3600)):
    return f"CREATE SINK CONNECTOR ROWS WITH ('type'='store', 'topics'='{', '.join(map(topic_of, sizes))}');"


def in_store(meterline, size):
    return sorted((row["gateway"], row["windowStart"], float(row["sum"]), int(row["sampleCount"])) for row in meterline.rows(size))


def in_topic(meterline, topic):
    values = [record["value"] for record in meterline.records(topic)]
    return sorted((value["gateway"], value["windowStart"], value["sum"], value["sampleCount"]) for value in values)


def test_rows_and_results_are_one_commit(meterline):
    """Killed at any moment, the store has the rows of exactly the results that are on the topic: no run is needed to make them equal."""
    def name(size):
        return f"own-aggregates-{size}"
    pipeline = meterline.file("own.sql", own_aggregates(name, more=store_of(name)))
    source = ("-t", "synthetic", "--series", 50, "--interval", "10s", "--duration", "2h", "--seed", 4)
    replay = meterline.start("replay", *source, "-r", 20000)
    counts = []
    while not (meterline.data / "meterline.db").exists():
        time.sleep(0.02)
    for wanted in (1, 600, 1500, 3000):
        run = meterline.start("run", pipeline)
        while run.poll() is None and (not counts_of(meterline, name(60)) or counts_of(meterline, name(60)) < wanted):
            time.sleep(0.02)
        run.kill()
        run.communicate()
        rows = in_store(meterline, 60)
        assert rows == in_topic(meterline, name(60)) and len(rows) >= wanted
        counts.append(len(rows))
    replay.communicate(timeout=60)
    meterline("run", pipeline, "--final")
    for size in (60, 3600):
        assert in_store(meterline, size) == in_topic(meterline, name(size)), size
    assert len(in_store(meterline, 60)) == 50 * 120


def counts_of(meterline, topic):
    out, _ = meterline("topics", "--format", "json")
    return next((row["records"] for row in map(json.loads, out.splitlines()) if row["topic"] == topic), 0)


def test_a_table_that_the_store_refuses(meterline):
    """The size whose table is of another shape stops alone: its results go on, and so do the rows of the other sizes; the run ends with 1 and the reason."""
    meterline("replay", "-t", "readings", readings(meterline, 3600))
    store = sqlite3.connect(meterline.data / "meterline.db")
    store.execute("CREATE TABLE store_aggregates_60(other TEXT)")
    store.commit()
    _, err = meterline("run", "--windows", "60,600", "--final", status=1, says="metrics-aggregates-60")
    assert len(meterline.rows(600)) == len(meterline.records("metrics-aggregates-600")) > 0
    assert len(meterline.records("metrics-aggregates-60")) > len(meterline.rows(600)), err


def test_a_store_connector_that_comes_later(meterline):
    """What was written before it, and by another process, is brought by its sink."""
    def name(size):
        return f"own-aggregates-{size}"
    pipeline = meterline.file("own.sql", own_aggregates(name))
    meterline("replay", "-t", "readings", readings(meterline, 600))
    meterline("run", pipeline, "--final")
    meterline("query", "--window", 60, status=1, says="no windows")
    meterline("sql", "-e", store_of(name))
    meterline("run", "--until-end", pipeline)
    assert in_store(meterline, 60) == in_topic(meterline, name(60)) and len(in_store(meterline, 60)) == 30
    meterline("run", "--final", pipeline, "--group", "other", "--yes")
    meterline("run", "--until-end", pipeline)
    assert in_store(meterline, 60) == sorted(set(in_topic(meterline, name(60))))


def test_two_topics_in_one_store_are_told(meterline):
    """Rows do not say from which topic they are: of one series the last would stay, silently."""
    for topic in ("metrics", "other"):
        meterline("replay", "-t", "readings", readings(meterline, 60), "--topic", topic)
    _, err = meterline("run", "--windows", "60", "--final")
    assert "too: of one series" not in err, err
    _, err = meterline("run", "--windows", "60", "--final", "--topic", "other", "--group", "other")
    assert "the store has windows of 60 s of topic metrics-aggregates-60 too" in err, err
    _, err = meterline("run", "--windows", "3600", "--final", "--topic", "other", "--group", "another")
    assert "too: of one series" not in err, err
