"""Readings over HTTP: what clients send and get back, who may, and what is stored. Slow and hostile clients are in cases_ingest_faults.py."""
import base64
import csv
import gzip
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import ambiguous
from ingest_server import Ingest, query, reading
from system_program import ROOT, Skipped

sys.path.insert(0, str(ROOT / "tools"))

LINE = "readings,gateway=gw\\ 1 voltage=241.3 1166289840000000000\n"


def values(meterline, topic="metrics"):
    return sorted(record["value"]["value"] for record in meterline.records(topic))


def test_ingest_own_formats(meterline):
    ingest = Ingest(meterline)
    ndjson = "".join(json.dumps(reading(value)) + "\n" for value in (3, 4)) + "nonsense\n" + json.dumps(reading(5))
    for body, kind, accepted, lines in (
            (json.dumps(reading(1)), "application/json", 1, []),
            (json.dumps([reading(2), {"gateway": "gw1"}]), "application/json; charset=utf-8", 1, [2]),
            (ndjson, "application/x-ndjson", 3, [3]),
            ("gateway,type,attribute,timestamp,value\ngw1,WATER,VOLUME,2024-01-01T00:00:00Z,6\ngw1,WATER,VOLUME,yesterday,7\n", "text/csv", 1, [3]),
            ("", "application/json", 0, [1]), ("[]", "application/json", 0, [])):
        answer = ingest.post("/api/v1/readings", body, 422 if lines and not accepted else 200, Content_Type=kind)
        told = answer.json()
        assert told["accepted"] == accepted and told["duplicates"] == 0, told
        assert [error["line"] for error in told["errors"]] == lines and told["rejected"] == len(lines), told
        assert all(error["reason"] for error in told["errors"])
    assert ingest.post("/api/v1/readings", json.dumps({"gateway": 1}), 422, Content_Type="application/json").json()["rejected"] == 1
    packed = gzip.compress(json.dumps(reading(8)).encode())
    ingest.post("/api/v1/readings", packed, 200, Content_Type="application/json", Content_Encoding="gzip")
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-c"], input=json.dumps(reading(9)).encode(), capture_output=True, check=True).stdout
        ingest.post("/api/v1/readings", packed, 200, Content_Type="application/json", Content_Encoding="zstd")
    ingest.post("/api/v1/readings", b"not gzip", 400, Content_Type="application/json", Content_Encoding="gzip")
    ingest.post("/api/v1/readings", "a=b", 415, Content_Type="application/x-www-form-urlencoded")
    assert ingest.post("/api/v1/readings?wait=none", json.dumps(reading(10)), 202, Content_Type="application/json").body == b""
    said = ingest.stop()
    expected = [1, 2, 3, 4, 5, 6, 8] + [9] * bool(shutil.which("zstd")) + [10]
    assert values(meterline) == expected
    assert f"{len(expected)} readings accepted" in said and "5 rejected" in said, said
    rejected = meterline.records("metrics-rejected")
    assert {record["headers"]["origin.line"] for record in rejected} >= {"2", "3"}
    assert all(record["headers"]["error"] and record["headers"]["origin.source"] == "http 127.0.0.1 /api/v1/readings" for record in rejected)
    assert "nonsense" in [record["value"] for record in rejected]


def test_ingest_influx_writes(meterline):
    ingest = Ingest(meterline)
    for path in ("/write?db=a", "/api/v2/write?org=o&bucket=b", "/api/v3/write_lp?db=a&precision=nanosecond"):
        assert ingest.post(path, LINE, 204).body == b""
    ingest.post("/write?precision=s", "readings,gateway=g voltage=1 1166289840", 204)
    ingest.post("/api/v2/write?precision=ms", "readings,gateway=g voltage=2 1166289840000", 204)
    assert ingest.post("/write?precision=fortnight", LINE, 400).json()["error"]
    bad = LINE + "nonsense\n"
    answer = ingest.post("/write", bad, 400)
    assert "partial write: line 2: " in answer.json()["error"] and "(1 stored, 1 kept in metrics-rejected)" in answer.json()["error"]
    assert answer.headers["X-Influxdb-Error"] == answer.json()["error"]
    answer = ingest.post("/api/v2/write", bad, 400).json()
    assert answer["code"] == "invalid" and answer["message"].startswith("partial write: line 2: "), answer
    answer = ingest.post("/api/v3/write_lp", bad, 400).json()
    assert answer["error"] == "partial write of line protocol occurred", answer
    assert [(error["line_number"], error["original_line"]) for error in answer["data"]] == [(2, "nonsense")], answer
    ingest.post("/write", "", 204)
    assert ingest.get("/ping", 204).headers["X-Influxdb-Version"]
    assert ingest.request("HEAD", "/ping").status == 204
    assert ingest.get("/health").json()["status"] == "pass"
    ingest.stop()
    records = meterline.records("metrics")
    assert {record["value"]["timestamp"] for record in records} == {"2006-12-16T17:24:00Z"}
    assert {record["value"]["gateway"] for record in records} == {"gw 1", "g"}
    assert len(meterline.records("metrics-rejected")) == 3


def test_ingest_influxdb_client(meterline):
    """The client of InfluxDB 2 from PyPI, as its users call it."""
    from engines.process import EngineError   # pylint: disable=import-outside-toplevel
    from engines.python_package import import_package   # pylint: disable=import-outside-toplevel
    try:
        client = import_package("influxdb-client", "1.50.0", "influxdb_client")
    except EngineError as problem:
        raise Skipped(str(problem)) from None
    token = meterline("token", "create", "--scope", "ingest:gw-*")[0].strip()
    ingest = Ingest(meterline)
    for compressed in (False, True):
        with client.InfluxDBClient(url=f"http://{ingest.host}:{ingest.port}", token=token, org="o", enable_gzip=compressed) as influx:
            assert influx.ping() and influx.health().status == "pass"
            with influx.write_api(write_options=client.client.write_api.SYNCHRONOUS) as write:
                points = [client.Point("power").tag("gateway", "gw-1").field("active", 0.5 + i).time(1_700_000_000 + i, client.WritePrecision.S) for i in range(50)]
                write.write(bucket="b", record=points)
                for record, status in (("power,gateway=gw-1 active=x", 400), ("power,gateway=other active=1", 403)):
                    try:
                        write.write(bucket="b", record=record)
                        raise AssertionError(f"{record} was taken")
                    except client.rest.ApiException as problem:
                        assert problem.status == status and json.loads(problem.body)["message"], problem
    ingest.stop()
    assert values(meterline) == [0.5 + i for i in range(50)]   # the second time they are repeats


def test_ingest_thingsboard(meterline):
    token = meterline("token", "create", "--scope", "ingest:meter-17", "--name", "meter-17")[0].strip()
    other = meterline("token", "create", "--scope", "query", "--name", "reader")[0].strip()
    ingest = Ingest(meterline)
    ingest.post(f"/api/v1/{token}/telemetry", '{"ts":1451649600512,"values":{"temperature":22.5,"state":"on"}}', 200)
    ingest.post("/api/v1/local-device/telemetry", '{"temperature":23.5}', 200)
    answer = ingest.post(f"/api/v1/{other}/telemetry", '{"temperature":1}', 403)
    assert answer.json()["status"] == 403 and "scope" in answer.json()["message"]
    ingest.post(f"/api/v1/{token}/telemetry", "nonsense", 400)
    said = ingest.stop()
    records = meterline.records("metrics")
    assert sorted((record["value"]["gateway"], record["value"]["value"]) for record in records) == [("local-device", 23.5), ("meter-17", 22.5)]
    assert token not in said and token not in json.dumps(meterline.records("metrics-rejected"))


def test_ingest_ambiguous_requests(meterline):
    """What Node's parser refuses is refused; and what RFC 9112 says MUST be."""
    ingest = Ingest(meterline)
    cases = dict(ambiguous.CASES)
    cases.update({name: (ambiguous.chunked(body), 400) for name, body in ambiguous.CHUNKS.items()})
    for name, (request, status) in cases.items():
        heard = ingest.raw(request + b"GET /livez HTTP/1.1\r\n" + ambiguous.HOST + b"\r\n", timeout=3 if status == 404 else 30)
        assert heard.startswith(f"HTTP/1.1 {status} ".encode()), f"{name}: {heard[:300]}"
        assert status == 404 or heard.count(b"HTTP/1.1") == 1, f"{name}: something was read after the refusal: {heard}"
    assert not meterline.shown("tail", "metrics", "-b", "--until-end").strip().splitlines()[1:]
    if not shutil.which("node"):
        raise Skipped("node is not here to compare with")
    node = subprocess.Popen(["node", "-e", ambiguous.NODE], stdout=subprocess.PIPE, text=True)
    meterline.started.append(node)
    port = int(node.stdout.readline())
    taken = []
    for name, (request, status) in cases.items():
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            heard = connection.recv(4096)
        if heard.startswith(b"HTTP/1.1 200"):
            taken.append(name)
        else:
            assert status >= 400, f"{name}: Node refuses it: {heard[:100]}"
    assert "plain" in taken and len(taken) < len(cases) / 2, taken


def test_ingest_tokens(meterline):
    create = lambda *words: meterline("token", "create", *words)[0].strip()
    house, reader, brief = create("--scope", "ingest:house-*"), create("-s", "query"), create("-s", "ingest", "--expires", "1ms")
    assert oct(os.stat(meterline.data / "tokens").st_mode)[-3:] == "600" and house not in (meterline.data / "tokens").read_text()
    ingest = Ingest(meterline)
    line = "readings,gateway=house-1 voltage=1"
    remote = {"X_Forwarded_For": "192.0.2.7"}
    basic = lambda text: "Basic " + base64.b64encode(text.encode()).decode()
    ingest.post("/write", line, 204)
    for status, headers, parameters in (
            (401, {}, {}), (401, {"Authorization": "Bearer x"}, {}), (401, {"Authorization": f"Bearer {house[:-1]}"}, {}), (401, {"Authorization": f"Bearer {brief}"}, {}),
            (204, {"Authorization": f"Bearer {house}"}, {}), (204, {"Authorization": f"token {house}"}, {}), (204, {"Authorization": f"Token user:{house}"}, {}),
            (204, {"Authorization": basic(f"user:{house}")}, {}), (401, {"Authorization": basic("user:x")}, {}), (401, {"Authorization": "Basic !!!!"}, {}),
            (204, {}, {"u": "user", "p": house}), (401, {}, {"u": "user", "p": "x"}), (403, {"Authorization": f"Bearer {reader}"}, {})):
        answer = ingest.post("/write" + query(**parameters), line, status, **remote, **headers)
        assert status != 401 or "Bearer" in answer.headers["WWW-Authenticate"]
    ingest.post("/write", "readings,gateway=house-1 voltage=1\nreadings,gateway=barn voltage=1", 403, Authorization=f"Bearer {house}", **remote)
    ingest.post("/write", line, 401, Forwarded="for=192.0.2.7")
    listed = list(csv.DictReader(meterline("token", "list")[0].splitlines()))
    assert [row["scopes"] for row in listed] == ["ingest:house-*", "query", "ingest"] and listed[2]["expires"] and not listed[0]["expires"]
    meterline("token", "revoke", listed[0]["id"])
    ingest.wait(lambda: ingest.request("POST", "/write", "", Authorization=f"Bearer {house}", **remote).status == 401)
    meterline("token", "revoke", listed[0]["id"], status=1, says="there is no token")
    said = ingest.stop()
    assert not any(token in said for token in (house, reader, brief))
    assert len(meterline.records("metrics")) == 6


def test_ingest_start_is_refused(meterline):
    meterline("ingest", "--listen", "0.0.0.0:0", status=1, says=["no token and no TLS certificate", "--insecure"])
    meterline("token", "create", "--scope", "ingest")
    meterline("ingest", "--listen", "0.0.0.0:0", status=1, says="there is no TLS certificate")
    meterline("ingest", "--listen", "nowhere", status=1, says="HOST:PORT")
    meterline("ingest", "--listen", "127.0.0.1:0", "--tls-certificate", "/no/such/file", status=1, says="/no/such/file")
    meterline("ingest", "--tls-key", "x", status=2, says="--tls-certificate")
    ingest = Ingest(meterline)
    meterline("ingest", "--listen", f"127.0.0.1:{ingest.port}", status=1, says="in use")
    meterline("token", "create", status=2, says="--scope")
    meterline("token", "create", "--scope", "everything", status=1, says="'everything' is no scope")
    (meterline.data / "tokens").chmod(0o644)
    meterline("ingest", status=1, says="chmod 600")


def certificate(meterline, name, authority=None, file=None):
    """A key and a certificate of this common name in one PEM file; signed by `authority`, or by itself."""
    if not shutil.which("openssl"):
        raise Skipped("openssl is not here")
    key, made = meterline.path("made.key"), meterline.path("made.crt")
    signed = ["-CA", authority, "-CAkey", authority] if authority else []
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", made, *map(str, signed)], check=True, capture_output=True)
    return meterline.file((file or name) + ".pem", key.read_bytes() + made.read_bytes())


def test_ingest_tls(meterline):
    server = certificate(meterline, "server")
    ingest = Ingest(meterline, "--tls-certificate", server)
    curl = lambda *words: subprocess.run(["curl", "-sS", "-m", "20", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}", *map(str, words),
                                          f"https://127.0.0.1:{ingest.port}/livez"], capture_output=True, text=True, check=False)
    assert curl("--cacert", server).stdout == "200 0"
    assert curl("--cacert", server, "--tls-max", "1.2").stdout == "200 0"
    assert curl("--cacert", server, "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0").returncode == 35
    # A certificate that has changed is taken up, by new connections; one that cannot be used is not.
    kept = ingest.connect()
    assert ingest.request("GET", "/livez", connection=kept).status == 200
    other = certificate(meterline, "other")
    server.write_bytes(other.read_bytes())
    ingest.process.send_signal(signal.SIGHUP)
    ingest.wait(lambda: "new connections get the certificate" in ingest.said())
    assert curl("--cacert", other).stdout == "200 0"
    assert ingest.request("GET", "/livez", connection=kept).status == 200
    server.write_text("nonsense")
    ingest.process.send_signal(signal.SIGHUP)
    ingest.wait(lambda: "the certificate stays as it was" in ingest.said())
    assert curl("--cacert", other).stdout == "200 0"
    assert ingest.raw(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", timeout=20)[:4] != b"HTTP"
    body = "".join(f"readings,gateway=gw{i} voltage={i}\n" for i in range(20000))
    ingest.post("/write", body, 204)
    ingest.stop()
    assert len(meterline.records("metrics")) == 20000


def test_ingest_client_certificates(meterline):
    authority = certificate(meterline, "authority")
    server = certificate(meterline, "server")
    known, unknown = certificate(meterline, "meter-17", authority), certificate(meterline, "meter-18", authority)
    meterline("token", "create", "--scope", "ingest:meter-17", "--certificate", "meter-17")
    remote = {"X_Forwarded_For": "192.0.2.7"}
    ingest = Ingest(meterline, "--tls-certificate", server, "--tls-client-ca", authority)
    for client, gateway, status in ((known, "meter-17", 204), (known, "meter-18", 403), (unknown, "meter-18", 401), (None, "meter-17", 401)):
        answer = ingest.request("POST", "/write", f"readings,gateway={gateway} voltage=1", connection=ingest.connect(certificate=client), **remote)
        assert answer.status == status, f"{gateway}: {answer.status}"
    ingest.stop()
    stranger = certificate(meterline, "meter-17", file="stranger")
    ingest = Ingest(meterline, "--tls-certificate", server, "--tls-client-ca", authority, "--tls-client-required")
    for client, taken in ((known, True), (stranger, False), (None, False)):
        try:
            assert ingest.request("GET", "/livez", connection=ingest.connect(certificate=client)).status == 200 and taken
        except OSError:
            assert not taken
    assert ingest.request("GET", "/metrics", connection=ingest.connect(certificate=known)).body.decode().split('reason="tls"} ')[1].split("\n")[0] == "2"


def test_ingest_proxy_protocol(meterline):
    """The client is who the header says, also for what loopback alone may."""
    ingest = Ingest(meterline, "--proxy-protocol")
    request = b"POST /write HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 30\r\n\r\nreadings,gateway=gw1 voltage=1"
    assert ingest.raw(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + request).startswith(b"HTTP/1.1 401 ")
    assert ingest.raw(b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" + request).startswith(b"HTTP/1.1 204 ")
    assert ingest.raw(b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0" + request).startswith(b"HTTP/1.1 204 ")
    assert ingest.raw(request) == b""
    ingest.process.terminate()
    assert ingest.process.wait(60) == 0
    assert len(meterline.records("metrics")) == 2


def test_ingest_readers_see_readings_at_once(meterline):
    """A reader in another process has the reading soon after its acknowledgement: 10 ms on an idle machine."""
    ingest = Ingest(meterline)
    ingest.post("/write", "readings,gateway=gw1 voltage=0", 204)
    tail = meterline.start("tail", "metrics", "--format", "json")
    connection, delays = ingest.connect(), []
    os.set_blocking(tail.stdout.fileno(), True)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:   # until the reader is there
        ingest.post("/write", "readings,gateway=warm voltage=1", 204)
        import select   # pylint: disable=import-outside-toplevel
        if select.select([tail.stdout], [], [], 0.2)[0]:
            break
    tail.stdout.readline()
    for number in range(20):
        ingest.request("POST", "/write", f"readings,gateway=gw1 voltage={1000 + number}", connection=connection)
        began = time.monotonic()
        while json.loads(tail.stdout.readline())["value"]["value"] != 1000 + number:
            pass
        delays.append(time.monotonic() - began)
    assert sorted(delays)[len(delays) // 2] < 0.5, delays


def test_ingest_leaves_in_order(meterline):
    """On SIGTERM /readyz says so first; what is under way is answered; then it ends."""
    ingest = Ingest(meterline, "--leave", "3s")
    kept = ingest.connect()
    assert ingest.request("GET", "/readyz", connection=kept).status == 200
    half = socket.create_connection((ingest.host, ingest.port))
    half.sendall(b"POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nreadings,gateway=gw1 ")
    ingest.process.terminate()
    ingest.wait(lambda: ingest.request("GET", "/readyz").status == 503)
    ingest.post("/write", "readings,gateway=gw1 voltage=2", 204)
    answer = ingest.request("GET", "/livez", connection=kept)
    assert answer.status == 200 and answer.headers["Connection"] == "close"
    half.sendall(b"voltage=1")
    half.settimeout(30)
    assert half.recv(4096).startswith(b"HTTP/1.1 204 ")
    assert ingest.process.wait(60) == 0, ingest.said()
    try:
        ingest.get("/livez")
        raise AssertionError("it still answers")
    except (OSError, http.client.HTTPException):
        pass
    assert values(meterline) == [1, 2]
