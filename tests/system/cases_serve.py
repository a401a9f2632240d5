"""meterline serve: ksqlDB's REST interface, as its documentation has it."""
import http.client
import json
import signal
import subprocess
import threading
import time
from contextlib import contextmanager

KSQL = "application/vnd.ksql.v1+json"


class Server:
    def __init__(self, port):
        self.port = port

    def request(self, path, body=None, headers=None, timeout=60):
        """Status, parsed body (or text)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            raw = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
            connection.request("GET" if raw is None else "POST", path, raw, {"Content-Type": KSQL, **(headers or {})})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def ksql(self, text, status=200, **more):
        found, answer = self.request("/ksql", {"ksql": text, **more})
        assert found == status, (found, answer)
        return answer

    def rows(self, text, **properties):
        status, answer = self.request("/query", {"ksql": text, "streamsProperties": properties})
        assert status == 200, answer
        return answer

    def stream(self, text, **properties):
        """An open answer of /query-stream: (connection, response); None when there is no room for it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/query-stream", json.dumps({"sql": text, "properties": properties}))
        answer = connection.getresponse()
        if answer.status == 503:
            connection.close()
            return None, None
        assert answer.status == 200, answer.read()
        return connection, answer


@contextmanager
def serving(meterline, *more):
    process = subprocess.Popen(meterline.command("serve", "--listen", "127.0.0.1:0", *more), stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        assert "serves SQL" in line, line
        yield Server(int(line.split("//")[1].split()[0].rsplit(":", 1)[1])), process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            _, said = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    assert process.returncode == 0, said


STREAM = "CREATE STREAM S (K STRING KEY, V INT, A ARRAY<STRING>, D DECIMAL(4, 2)) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);"
EARLIEST = {"ksql.streams.auto.offset.reset": "earliest"}


def test_statements_and_their_objects(meterline):
    with serving(meterline) as (server, _):
        created, = server.ksql(STREAM)
        assert created["@type"] == "currentStatus" and created["commandId"] == "stream/`S`/create" and created["statementText"] == STREAM
        assert created["commandStatus"] == {"status": "SUCCESS", "message": "Stream created", "queryId": None} and created["commandSequenceNumber"] == 0
        table, described, queries, topics, tables = server.ksql("CREATE TABLE T AS SELECT K, COUNT(*) AS N FROM S GROUP BY K; DESCRIBE T; LIST QUERIES; SHOW TOPICS; SHOW TABLES;")
        assert table["commandStatus"]["queryId"] == "CTAS_T_1" and table["commandSequenceNumber"] == 1
        fields = {field["name"]: (field["schema"]["type"], field.get("type")) for field in described["sourceDescription"]["fields"]}
        assert fields == {"K": ("STRING", "KEY"), "N": ("BIGINT", None)} and described["sourceDescription"]["type"] == "TABLE"
        query, = queries["queries"]
        assert (query["id"], query["sinks"], query["state"]) == ("CTAS_T_1", ["T"], "RUNNING")
        assert described["sourceDescription"]["writeQueries"] == [query]
        assert topics["@type"] == "kafka_topics" and topics["topics"][0] == {"name": "s", "replicaInfo": [1]}
        assert tables["tables"] == [{"type": "TABLE", "name": "T", "topic": "T", "keyFormat": "KAFKA", "valueFormat": "JSON", "isWindowed": False}]
        schema = server.ksql("DESCRIBE S;")[0]["sourceDescription"]["fields"]
        assert schema[2]["schema"] == {"type": "ARRAY", "fields": None, "memberSchema": {"type": "STRING", "fields": None, "memberSchema": None}}
        assert schema[3]["schema"]["parameters"] == {"precision": 4, "scale": 2}
        assert server.ksql("INSERT INTO S (K, V) VALUES ('a', 1);") == []
        functions = {function["name"]: function["type"] for function in server.ksql("SHOW FUNCTIONS;")[0]["functions"]}
        assert (functions["UCASE"], functions["COUNT"], functions["EXPLODE"]) == ("SCALAR", "AGGREGATE", "TABLE")
        assert server.ksql("CREATE TYPE P AS STRUCT<X INT>; SHOW TYPES;")[1]["types"]["P"]["fields"][0]["name"] == "X"
        assert server.ksql("EXPLAIN SELECT * FROM S EMIT CHANGES;")[0]["@type"] == "queryDescription"
        assert server.ksql("TERMINATE CTAS_T_1;")[0]["commandId"] == "terminate/`CTAS_T_1`/execute"
        assert server.ksql("DROP TABLE T;")[0]["commandStatus"]["status"] == "SUCCESS"
        assert server.request("/status/stream/%60S%60/create") == (200, {"status": "SUCCESS", "message": "Done", "queryId": None})
        assert server.request("/status/stream/NONE/create")[0] == 404


def test_a_request_with_a_wrong_statement_changes_nothing(meterline):
    with serving(meterline) as (server, _):
        server.ksql(STREAM)
        error = server.ksql("CREATE STREAM X AS SELECT * FROM S; CREATE STREAM Y AS SELECT Q FROM S;", status=400)
        assert error["@type"] == "statement_error" and error["error_code"] == 40001 and error["entities"] == []
        assert error["statementText"] == "CREATE STREAM Y AS SELECT Q FROM S" and "no column Q" in error["message"]
        assert [stream["name"] for stream in server.ksql("SHOW STREAMS;")[0]["streams"]] == ["S"]
        assert server.ksql("SELECT * FROM S;", status=400)["error_code"] == 40002
        assert "is for the path" in server.ksql("PRINT s;", status=400)["message"]
        assert "reads no files" in server.ksql("RUN SCRIPT '/etc/passwd';", status=400)["message"]


def test_properties_and_variables_are_of_the_request(meterline):
    with serving(meterline) as (server, _):
        server.ksql("CREATE STREAM ${name} (K STRING KEY, V INT) WITH (KAFKA_TOPIC='it''s-no', VALUE_FORMAT='JSON');", status=400, sessionVariables={"name": "X"})
        server.ksql("CREATE STREAM ${name} (K STRING KEY, V INT) WITH (KAFKA_TOPIC='x', PARTITIONS=1);", sessionVariables={"name": "X"},
                    streamsProperties={"ksql.persistence.default.format.value": "JSON"})
        stream, = server.ksql("SHOW STREAMS;")[0]["streams"]
        assert (stream["name"], stream["valueFormat"]) == ("X", "JSON")
        assert server.ksql("CREATE STREAM Y (V INT) WITH (KAFKA_TOPIC='y', PARTITIONS=1);", status=400)["error_code"] == 40001   # set no longer
        assert server.ksql("SHOW STREAMS;", status=400, sessionVariables={"a b; DROP": "X"})["error_code"] == 40000
        assert server.ksql("SHOW STREAMS;", status=400, streamsProperties=[1])["error_code"] == 40000


def test_rows_of_pull_and_push_queries(meterline):
    with serving(meterline) as (server, _):
        server.ksql(STREAM + "INSERT INTO S (K, V, A) VALUES ('a', 1, ARRAY['x', 'y']); INSERT INTO S (K, V) VALUES ('b', NULL);")
        header, first, second = server.rows("SELECT * FROM S;")
        assert header == {"header": {"queryId": "none", "schema": "`K` STRING KEY, `V` INTEGER, `A` ARRAY<STRING>, `D` DECIMAL(4, 2)"}}
        assert [first, second] == [{"row": {"columns": ["a", 1, ["x", "y"], None]}}, {"row": {"columns": ["b", None, None, None]}}]
        header, *rows, last = server.rows("SELECT K, V + 1 AS W FROM S EMIT CHANGES LIMIT 2;", **EARLIEST)
        assert header["header"]["schema"] == "`K` STRING KEY, `W` INTEGER" and header["header"]["queryId"].startswith("transient_")
        assert rows == [{"row": {"columns": ["a", 2]}}, {"row": {"columns": ["b", None]}}] and last == {"finalMessage": "Limit Reached"}
        status, answer = server.request("/query-stream", {"sql": "SELECT K FROM S;"}, {"Accept": "application/json"})
        assert (status, answer) == (200, [{"queryId": None, "columnNames": ["K"], "columnTypes": ["STRING"]}, ["a"], ["b"]])
        status, error = server.request("/query", {"ksql": "SELECT * FROM NONE;"})
        assert status == 400 and error["@type"] == "statement_error" and error["error_code"] == 40001
        for text in ("SHOW STREAMS;", "SELECT * FROM S; SELECT * FROM S;", "", "SELECT K, COUNT(*) FROM S GROUP BY K;"):
            assert server.request("/query", {"ksql": text})[0] == 400, text


def test_push_queries_bring_rows_as_they_come_and_can_be_closed(meterline):
    with serving(meterline) as (server, _):
        server.ksql(STREAM)
        connection, answer = server.stream("SELECT K, V FROM S EMIT CHANGES;", **{"auto.offset.reset": "earliest"})
        header = json.loads(answer.readline())
        assert header["columnNames"] == ["K", "V"] and header["queryId"]
        for value in range(3):
            server.ksql(f"INSERT INTO S (K, V) VALUES ('k', {value});")
            assert json.loads(answer.readline()) == ["k", value]
        assert server.request("/close-query", {"queryId": header["queryId"]}) == (200, "")
        assert answer.read() == b""
        connection.close()
        assert server.request("/close-query", {"queryId": header["queryId"]})[0] == 400
        # a client that goes away ends its query: there is room for one at a time only
    with serving(meterline, "--queries", "1") as (server, _):
        for _ in range(5):
            until = time.monotonic() + 60
            while not (opened := server.stream("SELECT K FROM S EMIT CHANGES;"))[0]:
                assert time.monotonic() < until
                time.sleep(0.02)
            connection, answer = opened
            assert answer.readline() and server.stream("SELECT K FROM S EMIT CHANGES;") == (None, None)
            connection.close()


def test_an_end_does_not_wait_for_push_queries(meterline):
    with serving(meterline) as (server, process):
        server.ksql(STREAM)
        connection, answer = server.stream("SELECT K FROM S EMIT CHANGES;")
        assert answer.readline()
        process.send_signal(signal.SIGTERM)
        assert answer.read() == b""
        assert process.wait(timeout=60) == 0
        connection.close()


def test_inserts(meterline):
    with serving(meterline) as (server, _):
        server.ksql(STREAM)
        lines = [{"target": "s"}, {"K": "a", "V": 1, "A": ["x"], "D": 1.5}, {"k": "b", "v": None}, {"Z": 1}, {"V": "no number"}]
        status, answer = server.request("/inserts-stream", "\n".join(map(json.dumps, lines)).encode() + b"\n{broken\n")
        acks = [json.loads(line) for line in answer.splitlines()]
        assert status == 200 and [(ack["status"], ack["seq"]) for ack in acks] == [("ok", 0), ("ok", 1), ("error", 2), ("ok", 3), ("error", 4)], acks
        rows = [item["row"]["columns"] for item in server.rows("SELECT * FROM S;")[1:]]
        assert rows[:2] == [["a", 1, ["x"], 1.5], ["b", None, None, None]], rows
        assert server.request("/inserts-stream", b'{"target":"NONE"}\n')[0] == 400
        assert server.request("/inserts-stream", b"")[0] == 400


def test_slow_readers_of_long_answers_cost_no_memory(meterline):
    rows = 20000
    with serving(meterline) as (server, process):
        server.ksql(STREAM)
        text = "x" * 400
        body = '{"target":"S"}\n' + "".join(f'{{"K":"k","V":{n},"A":["{text}"]}}\n' for n in range(rows))
        status, answer = server.request("/inserts-stream", body.encode(), timeout=300)
        assert status == 200 and answer.count("ok") == rows
        connection, answer = server.stream("SELECT * FROM S EMIT CHANGES;", **{"auto.offset.reset": "earliest"})
        assert answer.readline()
        count = sum(1 for _ in zip(range(rows), answer))
        assert count == rows
        connection.close()


def test_bad_requests(meterline):
    with serving(meterline, "--body", "1M") as (server, _):
        for body in (b"", b"{", b"[]", b"null", b'{"ksql":1}', b"{}", b"\xff\xfe", b'{"ksql":"SHOW STREAMS;"} x'):
            status, error = server.request("/ksql", body)
            assert status == 400 and error["@type"] == "generic_error" and error["error_code"] == 40000, (body, status, error)
        assert server.request("/ksql", b" " * 2000000)[0] == 413
        assert server.request("/ksql")[0] == 405
        assert server.request("/nothing")[0] == 404
        assert server.ksql("SHOW STREAMS;" * 300)[299]["streams"] == []
        assert server.request("/info")[1]["KsqlServerInfo"]["serverStatus"] == "RUNNING"
        assert server.request("/healthcheck")[1]["isHealthy"] is True
        assert server.request("/clusterStatus")[1]["clusterStatus"][f"127.0.0.1:{server.port}"]["hostAlive"] is True
        assert server.request("/is_valid_property/auto.offset.reset") == (200, True)


def test_who_may(meterline):
    query = meterline("token", "create", "--name", "reader", "--scope", "query")[0].split()[-1]
    admin = meterline("token", "create", "--name", "owner", "--scope", "admin")[0].split()[-1]
    writer = meterline("token", "create", "--name", "gateway", "--scope", "ingest")[0].split()[-1]
    elsewhere = {"X-Forwarded-For": "192.0.2.7"}
    with serving(meterline) as (server, _):
        def ask(token, text):
            return server.request("/ksql", {"ksql": text}, {**elsewhere, **({"Authorization": f"Bearer {token}"} if token else {})})[0]
        assert ask(None, "SHOW STREAMS;") == 401 and ask("mlt_wrong", "SHOW STREAMS;") == 401 and ask(writer, "SHOW STREAMS;") == 403
        assert ask(query, "SHOW STREAMS;") == 200 and ask(query, STREAM) == 403 and ask(query, "SHOW STREAMS; DROP STREAM S;") == 403
        assert ask(admin, STREAM) == 200
        hidden = {"c": "*/DROP STREAM S --", "v": "/*${c}*/SELECT * FROM S EMIT CHANGES"}
        server.request("/query", {"ksql": "${v} LIMIT 0;", "sessionVariables": hidden}, {**elsewhere, "Authorization": f"Bearer {query}"})
        assert [stream["name"] for stream in server.ksql("SHOW STREAMS;")[0]["streams"]] == ["S"]
        assert server.request("/inserts-stream", b'{"target":"S"}\n', {**elsewhere, "Authorization": f"Bearer {query}"})[0] == 403
        assert server.request("/query", {"ksql": "SELECT * FROM S;"}, {**elsewhere, "Authorization": f"Basic {__import__('base64').b64encode(f'me:{query}'.encode()).decode()}"})[0] == 200
    done = subprocess.run(meterline.command("serve", "--listen", "0.0.0.0:0"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "can be reached from other machines" in done.stderr, done.stderr


def test_many_at_once(meterline):
    """Statements and queries side by side: each gets its own answer."""
    wrong = []
    with serving(meterline) as (server, _):
        server.ksql(STREAM + "INSERT INTO S (K, V) VALUES ('a', 1);")

        def work(number):
            try:
                for turn in range(5):
                    server.ksql(f"CREATE STREAM S_{number}_{turn} (V INT) WITH (KAFKA_TOPIC='t{number}', VALUE_FORMAT='JSON', PARTITIONS=1);")
                    assert server.rows(f"SELECT V + {number} AS W FROM S;")[1]["row"]["columns"] == [1 + number]
            except Exception as error:
                wrong.append(error)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong, wrong
        assert len(server.ksql("SHOW STREAMS;")[0]["streams"]) == 31
