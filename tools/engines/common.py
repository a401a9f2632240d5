"""What all engines share: ports, folders, jars, processes that end with us."""
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("METERLINE_ENGINES_CACHE") or pathlib.Path.home() / ".cache/meterline-engines")
LOG_LINES = 40
PR_SET_PDEATHSIG = 1


class EngineError(Exception):
    """An engine could not be started, or has died."""


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on now, below the range from which the system gives out its own."""
    ports = []
    for port in range(21000 + os.getpid() % 300 * 20, 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        ports.append(port)
        if len(ports) == count:
            return ports
    raise EngineError("no free ports")


def jars(name):
    """The folder with the jars of poms/NAME.xml, downloaded by Maven when they are not there yet."""
    pom = HERE / "poms" / f"{name}.xml"
    folder = CACHE / name
    done = folder / "complete"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists() and done.read_text() == pom.read_text():
            return folder
        if not shutil.which("mvn"):
            raise EngineError("maven is missing: ./dev engines installs what the engines need")
        shutil.rmtree(folder, ignore_errors=True)
        for attempt in (1, 2, 3):
            result = subprocess.run(["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"],
                                    stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if result.returncode == 0:
                break
            if attempt == 3:
                raise EngineError(f"maven cannot download {name}: {(result.stdout + result.stderr)[-1500:]}")
        done.write_text(pom.read_text())
    return folder


def die_with_parent():
    """In the child: it is killed when the thread that started it ends, also by SIGKILL."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A server in a folder of its own; what it says goes to a log file."""

    def __init__(self, command, log, cwd=None, environment=None, detached=False):
        self.log = pathlib.Path(log)
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd,
                                            env=dict(os.environ, **(environment or {})), start_new_session=detached,
                                            preexec_fn=None if detached else die_with_parent)
        self.pid = self.process.pid

    def running(self):
        return self.process.poll() is None

    def wait_until(self, ready, what, seconds=90):
        """Polls ready() until it is true; EngineError with the end of the log when the process dies or time is over."""
        end = time.monotonic() + seconds
        while not ready():
            if not self.running() or time.monotonic() > end:
                why = "has died" if not self.running() else f"is not ready after {seconds} s"
                raise EngineError(f"{what} {why}:\n" + "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-LOG_LINES:]))
            time.sleep(0.05)

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def stop(self, seconds=20):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()


def accepts(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


class Engine:
    """A context manager with a folder, which is deleted at the end when it was not given."""

    def __init__(self, folder=None, detached=False):
        self.temporary = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="meterline-engine-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.detached = detached

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def processes(self):
        raise NotImplementedError

    def close(self):
        for process in self.processes():
            process.stop()
        if self.temporary:
            shutil.rmtree(self.folder, ignore_errors=True)


def log(text):
    print(text, file=sys.stderr, flush=True)
