"""Connectors: topics that leave the log for a webhook, the cache and the store."""
import http.server
import json
import threading

SHARE = __import__("pathlib").Path(__file__).resolve().parents[2] / "share/pipelines"


class Hook:
    """A server that answers `answers` in turn, then 200, and keeps what it was sent and said yes to."""

    def __init__(self, *answers):
        self.answers, self.taken, self.headers = list(answers), [], []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = hook.answers.pop(0) if hook.answers else 200
                hook.headers.append(dict(self.headers))
                if answer < 300:
                    hook.taken.append(json.loads(body))
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/alarms"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


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
    pipeline = meterline.file("pipeline.sql", "CREATE SINK CONNECTOR S WITH ('type'='store', 'topics'='alarms');")
    _, err = meterline("run", pipeline, "--until-end", status=1)
    assert "alarms is none" in err, err
