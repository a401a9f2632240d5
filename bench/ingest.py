"""The benchmark of ingest: what a durable reading costs the server beside the same parse into nothing, and how long an acknowledgement takes, with `run` beside it."""
import json
import os
import re
import signal
import subprocess
import time

CONNECTIONS, RATE, SECONDS = 16, 100_000, 8
PATIENCE = 30   # seconds
CLOCK = os.sysconf("SC_CLK_TCK")


def cpu_of(process):
    """CPU seconds of a process until now."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        words = stat.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / CLOCK


class IngestBench:
    def __init__(self, bench):
        self.bench, self.number = bench, 0

    def program(self, name):
        return os.path.join(self.bench.build, "bench", name)

    def measure(self):
        floors = {batch: float(subprocess.run([self.program("bench_ingest_floor"), str(batch)], stdout=subprocess.PIPE, check=True).stdout) for batch in (100, 1000)}
        for batch in (100, 1000):
            for tls in (False, True):
                self.compare(batch, tls, floors[batch])

    def certificate(self):
        path = self.bench.path("server.pem")
        if not os.path.exists(path):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=bench", "-keyout", path, "-out", path + ".crt"],
                           check=True, capture_output=True)
            with open(path, "a", encoding="ascii") as file, open(path + ".crt", encoding="ascii") as made:
                file.write(made.read())
        return path

    def start(self, data, tls):
        log = self.bench.path(f"ingest-{self.number}.log")
        words = ["--tls-certificate", self.certificate()] if tls else []
        with open(log, "w", encoding="utf-8") as to:
            process = subprocess.Popen([self.bench.meterline, "ingest", "--data", data, "--listen", "127.0.0.1:0", *words], stderr=to)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with open(log, encoding="utf-8") as said:
                text = said.read()
            if "the log takes readings" in text:
                return process, re.search(r":(\d+) takes readings", text)[1]
            time.sleep(0.05)
        raise SystemExit(f"bench: meterline ingest does not start: {text}")

    def load(self, port, batch, rate, seconds, tls):
        words = [self.program("bench_ingest_load"), "127.0.0.1", port, str(CONNECTIONS), str(batch), str(rate), str(seconds)] + ["tls"] * tls
        return json.loads(subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout)

    def compare(self, batch, tls, floor):
        self.number += 1
        data = self.bench.path(f"ingest-{self.number}")
        server, port = self.start(data, tls)
        run = subprocess.Popen([self.bench.meterline, "run", "--data", data, "-q"])
        try:
            self.load(port, batch, RATE, 1, tls)   # warm
            before = cpu_of(server)
            told = self.load(port, batch, RATE, SECONDS, tls)
            cost = (cpu_of(server) - before) / told["readings"] * 1e6
        finally:
            for process in (server, run):
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        what = f"ingest, line protocol, batches of {batch:,}{', TLS' if tls else ''}"
        self.bench.row(f"{what} (floor: the parse)", cost, "CPU s/M readings", floor, goal=1.0)
        self.bench.row(f"{what}: readings a second, of {RATE:,} offered", told["readings"] / told["seconds"], "/s", digits=0)
        self.bench.row(f"{what}: acknowledgement, median", told["p50"], "ms", goal=5)
        self.bench.row(f"{what}: acknowledgement, 99 %", told["p99"], "ms", goal=20)
        if told["refused"]:
            self.bench.row(f"{what}: refused", told["refused"], "requests", goal=0)
