"""meterline ingest as a server under test, and what the tests send to it."""
import http.client
import json
import re
import socket
import ssl
import subprocess
import time
import urllib.parse

PATIENCE = 60   # seconds


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self):
        return json.loads(self.body)


class Ingest:
    """Starts at once; ready when the log takes readings."""

    def __init__(self, meterline, *words, listen="127.0.0.1:0", data=None, ready=True, **how):
        self.log = meterline.path(f"ingest-{len(meterline.started)}.log")
        self.process = subprocess.Popen(meterline.command("ingest", "--listen", listen, *words, data=data), stderr=open(self.log, "w"), **how)
        meterline.started.append(self.process)
        self.url = self.wait(lambda: re.search(r"(https?)://([\d.]+):(\d+) takes readings", self.said()))
        self.host, self.port = self.url[2], int(self.url[3])
        if ready:
            self.wait(lambda: "the log takes readings" in self.said())

    def said(self):
        return self.log.read_text()

    def wait(self, holds, seconds=PATIENCE):
        until = time.monotonic() + seconds
        while not (result := holds()):
            assert self.process.poll() is None, f"it has ended: {self.said()}"
            assert time.monotonic() < until, f"what was waited for has not come: {self.said()}"
            time.sleep(0.02)
        return result

    def connect(self, context=None, certificate=None):
        if self.url[1] == "http":
            return http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        context = context or ssl._create_unverified_context()   # pylint: disable=protected-access
        if certificate:
            context.load_cert_chain(certificate)
        return http.client.HTTPSConnection(self.host, self.port, timeout=PATIENCE, context=context)

    def request(self, method, path, body=None, connection=None, **headers):
        connection = connection or self.connect()
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())

    def post(self, path, body, status, **headers):
        answer = self.request("POST", path, body, **headers)
        assert answer.status == status, f"POST {path}: {answer.status} {answer.body[:500]}, expected {status}"
        return answer

    def get(self, path, status=200, **headers):
        answer = self.request("GET", path, **headers)
        assert answer.status == status, f"GET {path}: {answer.status} {answer.body[:500]}, expected {status}"
        return answer

    def raw(self, data, timeout=PATIENCE):
        """Sends bytes and reads until the server ends the connection or is silent for `timeout`."""
        with socket.create_connection((self.host, self.port), timeout=timeout) as connection:
            heard = b""
            try:
                connection.sendall(data)
                while piece := connection.recv(65536):
                    heard += piece
            except (TimeoutError, ConnectionError):
                pass
            return heard

    def metric(self, name):
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split(" ")[1])
        raise LookupError(name)

    def memory(self):
        """Resident bytes now."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def stop(self, seconds=PATIENCE):
        self.process.terminate()
        assert self.process.wait(seconds) == 0, self.said()
        return self.said()


def reading(value, gateway="gw1", timestamp="2024-01-01T00:00:00Z", kind="ELECTRICITY", attribute="VOLTAGE"):
    return {"gateway": gateway, "metricType": kind, "metricAttribute": attribute, "timestamp": timestamp, "value": value}


def query(**parameters):
    return "?" + urllib.parse.urlencode(parameters)
