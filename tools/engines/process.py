"""One server process: started with its output in NAME.log, remembered in NAME.pid, stopped by exactly that pid.

The pid file holds the pid and the process's start time in clock ticks since boot (field 22 of /proc/PID/stat), so that a pid that the system has
given to somebody else since is never signalled.

An attached process dies with the Python program that started it, also when that is killed with SIGKILL: the kernel is asked for a parent-death
signal. The kernel takes the thread that forked for the parent, hence one thread that lives as long as the program starts them all. A detached
process lives on until it is stopped. Both get a session of their own, so an interrupt key reaches only the program, which then cleans up.
"""
import concurrent.futures
import contextlib
import ctypes
import os
import pathlib
import signal
import subprocess
import time

LOG_TAIL = 40          # lines of a log shown when a server dies while starting
POLL = 0.03            # seconds between two looks at a process or port
TERM_PATIENCE = 10     # seconds from SIGTERM to SIGKILL
PR_SET_PDEATHSIG = 1   # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)
_starter = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine-starter")


class EngineError(Exception):
    """A server could not be installed, started or reached; the message says which and why."""


def started_at(pid: int) -> str | None:
    """When the process began, in clock ticks since boot; None when there is none (or only its corpse)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _die_with_parent(parent: int):
    def in_child():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    return in_child


class Process:
    """A server's process. `process.start([...])`, `stop()`, `kill()`, `pause()`, `resume()`; its log stays over restarts."""

    def __init__(self, folder: pathlib.Path, name: str, detached: bool = False):
        self.name, self.detached = name, detached
        self.log, self.pid_file = folder / f"{name}.log", folder / f"{name}.pid"
        self._child: subprocess.Popen | None = None
        self.paused = False

    def start(self, command, environment=None, folder=None) -> None:
        if self.running():
            raise EngineError(f"{self.name} runs already (pid {self.pid})")
        attach = None if self.detached else _die_with_parent(os.getpid())
        with open(self.log, "ab") as log:
            self._child = _starter.submit(subprocess.Popen, [*map(str, command)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                                          env=dict(os.environ, **(environment or {})), start_new_session=True, preexec_fn=attach).result()
        self.paused = False
        self.pid_file.write_text(f"{self._child.pid} {started_at(self._child.pid)}\n")

    @property
    def pid(self) -> int | None:
        """The pid while the process runs."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        with contextlib.suppress(OSError, ValueError):
            pid, began = self.pid_file.read_text().split()
            return int(pid) if started_at(int(pid)) == began else None
        return None

    def running(self) -> bool:
        return self.pid is not None

    def signal(self, number: int) -> None:
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pause(self) -> None:
        self.signal(signal.SIGSTOP)
        self.paused = True

    def resume(self) -> None:
        self.signal(signal.SIGCONT)
        self.paused = False

    def kill(self) -> None:
        self._end(signal.SIGKILL, TERM_PATIENCE)

    def stop(self, patience: float = TERM_PATIENCE) -> None:
        """SIGTERM, and SIGKILL when that has not ended it in `patience` seconds. A paused process is resumed, or it would not hear."""
        self.signal(signal.SIGTERM)
        self._end(signal.SIGCONT, patience)
        if self.running():
            self._end(signal.SIGKILL, TERM_PATIENCE)

    def _end(self, number: int, patience: float) -> None:
        self.signal(number)
        deadline = time.monotonic() + patience
        while self.running() and time.monotonic() < deadline:
            time.sleep(POLL)
        if not self.running():
            self.pid_file.unlink(missing_ok=True)

    def log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL:])
        return ""

    def wait_until(self, ready, timeout: float) -> None:
        """Polls `ready()` until it is true; an EngineError with the end of the log when the process dies before, or in `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.running():
                raise EngineError(f"{self.name} died while starting; the end of its log:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise EngineError(f"{self.name} was not ready in {timeout:.0f} s; the end of its log:\n{self.log_tail()}")
            time.sleep(POLL)
