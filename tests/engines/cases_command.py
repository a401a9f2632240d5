"""Ports, the cache of jars, the life of processes, and the command tools/engine."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

from engines.common import PREFIX, free_ports
from engines.process import Process, started_at
from engines.redis import Redis
from expect import refused, running, soon

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
COMMAND = [sys.executable, TOOLS / "engine"]
OWNER = f"""
import sys, time
sys.path.insert(0, {str(TOOLS)!r})
from engines.redis import Redis
redis = Redis().start()
print(redis.pids()[1], redis.folder, flush=True)
time.sleep(600)
"""
FAKE_MAVEN = """#!/bin/sh
for word; do case "$word" in -DoutputDirectory=*) folder=${word#*=};; esac; done
sleep 0.5
mkdir -p "$folder" && touch "$folder/a.jar" && echo download >>"$METERLINE_ENGINES_CACHE/downloads"
"""
DOWNLOADER = f"""
import sys
sys.path.insert(0, {str(TOOLS)!r})
from engines import jars
print(jars.jar_folder("redis" if len(sys.argv) > 1 else "kafka"))
"""


def test_free_ports():
    ports = free_ports(50, ("127.0.0.1", "127.0.0.2"))
    assert len(set(ports)) == 50
    ephemeral = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert ephemeral < 24000 or max(ports) < ephemeral
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_jars_are_downloaded_once():
    """Two at the same time, and one later: Maven runs once."""
    with tempfile.TemporaryDirectory() as folder:
        maven = pathlib.Path(folder) / "mvn"
        maven.write_text(FAKE_MAVEN)
        maven.chmod(0o755)
        environment = dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}", METERLINE_ENGINES_CACHE=f"{folder}/cache")
        both = [subprocess.Popen([sys.executable, "-c", DOWNLOADER], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        said = {process.communicate(timeout=30)[0] for process in both}
        said.add(subprocess.run([sys.executable, "-c", DOWNLOADER], env=environment, capture_output=True, text=True).stdout)
        assert len(said) == 1 and pathlib.Path(said.pop().strip(), "a.jar").exists()
        assert pathlib.Path(folder, "cache/downloads").read_text() == "download\n"


def test_servers_die_with_the_program():
    """Also when it is killed; what it left behind is removed by the next one."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    pid, folder = owner.stdout.readline().split()
    assert started_at(int(pid)) and pathlib.Path(folder).name.startswith(PREFIX)
    with Redis():
        assert pathlib.Path(folder).exists(), "the folder of a program that lives was taken away"
    owner.kill()
    owner.communicate()
    soon(lambda: started_at(int(pid)) is None, "the server of a killed program dies", 5)
    with Redis():
        assert not pathlib.Path(folder).exists(), f"{folder} is left"


def test_process():
    """A process that ignores SIGTERM is killed; a paused one hears it; a pid that somebody else has now is left alone."""
    with tempfile.TemporaryDirectory() as folder:
        deaf = Process(pathlib.Path(folder), "deaf")
        deaf.start(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"])
        soon(lambda: "ready" in deaf.log_tail(), "the process is up")
        refused(lambda: deaf.start(["true"]), "runs already")
        pid = deaf.pid
        deaf.stop(patience=0.3)
        assert started_at(pid) is None and not deaf.running() and not deaf.pid_file.exists()
        paused = Process(pathlib.Path(folder), "paused")
        paused.start(["sleep", "600"])
        paused.pause()
        pid = paused.pid
        paused.stop(patience=5)
        assert started_at(pid) is None
        stranger = Process(pathlib.Path(folder), "stranger")
        stranger.pid_file.write_text(f"{os.getpid()} 1\n")
        assert not stranger.running()
        stranger.kill()


def test_folder_in_use():
    with tempfile.TemporaryDirectory() as folder:
        kept = pathlib.Path(folder) / "mine"
        kept.touch()
        refused(Redis(folder=folder).start, "is not empty")
        assert kept.exists()
        with running(Redis(folder=pathlib.Path(folder) / "new")) as redis:
            refused(redis.start, "is started already")


def engine(folder, *words, status=0):
    done = subprocess.run([*map(str, COMMAND), *words, "--folder", str(folder)], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, f"{words}: exit status {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@contextlib.contextmanager
def command_folder():
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield pathlib.Path(folder)
        finally:
            engine(folder, "stop")


def test_command():
    with command_folder() as folder:
        assert "nothing was started" in engine(folder, "status", status=1)
        redis, registry = engine(folder, "start", "redis").strip(), engine(folder, "start", "registry").strip()
        assert redis.startswith("redis://127.0.0.1:") and registry.startswith("http://127.0.0.1:")
        said = engine(folder, "status")
        assert redis in said and registry in said and "not running" not in said
        assert "was started" in engine(folder, "start", "redis", status=1)
        pids = {path.stem: int(path.read_text().split()[0]) for path in folder.glob("*/*.pid")}
        assert set(pids) == {"redis", "registry"} and all(map(started_at, pids.values()))
        assert engine(folder, "stop", "registry") == "registry is stopped and its data removed\n"
        assert started_at(pids["registry"]) is None and started_at(pids["redis"]) and not (folder / "registry").exists()
        os.kill(pids["redis"], signal.SIGKILL)
        soon(lambda: started_at(pids["redis"]) is None, "the server dies")
        assert "redis: not running" in engine(folder, "status", status=1)
        engine(folder, "stop")
        assert list(folder.iterdir()) == []


def test_command_port_and_wrong_words():
    with command_folder() as folder:
        port, = free_ports(1)
        assert engine(folder, "start", "redis", "--port", str(port)) == f"redis://127.0.0.1:{port}\n"
        assert "none of kafka, registry" in engine(folder, "stop", "nonsense", status=2)
        assert "invalid choice" in engine(folder, "start", "nonsense", status=2)
