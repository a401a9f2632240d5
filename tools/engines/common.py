"""What the engines have in common: free ports, a folder for the data, and a life from start to stop of one or more numbered processes (nodes).

An engine's temporary folder is locked (flock) by the program that owns it. The lock goes with the program, however that ends; the next engine that is
started removes folders whose lock is free, so a program killed with SIGKILL leaves nothing for long.
"""
import contextlib
import fcntl
import os
import pathlib
import random
import shutil
import socket
import tempfile

from .process import EngineError, Process

PREFIX = "meterline-engine-"
START_TIMEOUT = 90   # seconds; a cold Cassandra on a busy machine needs the most


def _ephemeral_begin() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return 32768


def _bind(address: str, port: int) -> socket.socket | None:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((address, port))
        return taken
    except OSError:
        taken.close()
        return None


def free_ports(count: int, addresses=("127.0.0.1",)) -> list[int]:
    """Ports that can be bound on all the addresses now. They lie below the range for outgoing connections: there a client that keeps
    trying to reach a stopped server could be given the server's own port, and the server could not come back."""
    high = _ephemeral_begin()
    low = 20000 if high > 24000 else 10000
    chosen: list[int] = []
    for _ in range(1000 * count):
        port = random.randrange(low, high) if high > low else 0
        if port in chosen:
            continue
        bound = [_bind(address, port) for address in addresses]
        if all(bound):
            chosen.append(bound[0].getsockname()[1])
        for taken in filter(None, bound):
            taken.close()
        if len(chosen) == count:
            return chosen
    raise EngineError(f"no {count} free ports between {low} and {high} on {', '.join(addresses)}")


def accepts(address: str, port: int) -> bool:
    """True when a TCP connection is accepted."""
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def program(name: str) -> str:
    """The path of a program that a package of ./dev engines brings."""
    path = shutil.which(name)
    if path is None:
        raise EngineError(f"{name} is not installed: ./dev engines installs it")
    return path


def _locked(folder: pathlib.Path) -> int | None:
    """A descriptor that holds the folder's lock; None when another program holds it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            os.close(descriptor)
    return None


def _remove_abandoned() -> None:
    for folder in pathlib.Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        descriptor = _locked(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _temporary_folder() -> tuple[pathlib.Path, int]:
    """A new folder and its lock. It gets the name that is looked for only when it is locked."""
    _remove_abandoned()
    unlocked = pathlib.Path(tempfile.mkdtemp(prefix="meterline-new-"))
    descriptor = _locked(unlocked)
    folder = unlocked.with_name(PREFIX + unlocked.name.removeprefix("meterline-new-"))
    unlocked.rename(folder)
    return folder, descriptor


class Engine:
    """A server of one or more nodes, numbered from 1. Nothing runs before `start()` or `with`; `stop()` ends all nodes and removes the data.

    A subclass gives `name`, `_prepare()` (the configuration of all nodes, in self.folder), `_command(node)` and `_ready(node)`. With `folder` the
    data is kept in that folder, which must be empty or new, instead of a temporary one; it is removed as well. `detached`: the nodes outlive this program.
    """
    name = "engine"

    def __init__(self, nodes: int = 1, folder=None, detached: bool = False):
        self.nodes, self.detached = nodes, detached
        self._given_folder = pathlib.Path(folder) if folder else None
        self._lock: int | None = None
        self.folder: pathlib.Path | None = None
        self._processes: dict[int, Process] = {}

    def _prepare(self) -> None:
        raise NotImplementedError

    def _command(self, node: int) -> list:
        raise NotImplementedError

    def _ready(self, node: int) -> bool:
        raise NotImplementedError

    def _start_nodes(self) -> None:
        for node in self._processes:
            self._launch(node)
        for node in self._processes:
            self._wait(node)

    def _environment(self) -> dict:
        return {}

    def _launch(self, node: int) -> None:
        self._processes[node].start(self._command(node), self._environment(), self.folder)

    def _wait(self, node: int) -> None:
        self._processes[node].wait_until(lambda: self._ready(node), START_TIMEOUT)

    def _make_folder(self) -> None:
        if self._given_folder is None:
            self.folder, self._lock = _temporary_folder()
            return
        if self._given_folder.exists() and any(self._given_folder.iterdir()):
            raise EngineError(f"{self._given_folder} is not empty: {self.name} needs a folder of its own")
        self._given_folder.mkdir(parents=True, exist_ok=True)
        self.folder = self._given_folder.resolve()

    def start(self):
        """Starts all nodes and waits until they answer; returns the engine. When it fails nothing is left."""
        if self.folder is not None:
            raise EngineError(f"{self.name} is started already")
        self._make_folder()
        try:
            names = {node: self.name if self.nodes == 1 else f"{self.name}-{node}" for node in range(1, self.nodes + 1)}
            self._processes = {node: Process(self.folder, name, self.detached) for node, name in names.items()}
            self._prepare()
            self._start_nodes()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends all nodes at once (SIGKILL: nobody will read what an orderly end would still write) and removes the data."""
        for process in self._processes.values():
            process.kill()
        self._processes = {}
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
        self.folder = self._lock = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    def stop_node(self, node: int = 1) -> None:
        """An orderly end (SIGTERM); the data stays for start_node."""
        self._processes[node].stop(patience=30)

    def kill_node(self, node: int = 1) -> None:
        self._processes[node].kill()

    def start_node(self, node: int = 1, wait: bool = True) -> None:
        """Starts a node that was stopped or killed, on its data, and waits until it answers. Where a majority is down, start the first ones without waiting."""
        self._launch(node)
        if wait:
            self._wait(node)

    def pause_node(self, node: int = 1) -> None:
        """SIGSTOP: its connections stay open and nothing answers."""
        self._processes[node].pause()

    def resume_node(self, node: int = 1) -> None:
        self._processes[node].resume()

    def pids(self) -> dict[int, int]:
        """node -> pid of those that run"""
        return {node: process.pid for node, process in self._processes.items() if process.running()}

    def log(self, node: int = 1) -> str:
        return self._processes[node].log.read_text(errors="replace")
