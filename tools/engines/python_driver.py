"""DataStax's Python driver for Cassandra: a client that is not ours, for tests. Downloaded once by pip into the cache of the engines, for this version of Python."""
import fcntl
import shutil
import subprocess
import sys

from .jars import cache_folder
from .process import EngineError

VERSION = "3.30.1"
PATIENCE = 300   # seconds


def import_driver():
    """The module cassandra.cluster; an EngineError when pip cannot bring it."""
    folder = cache_folder() / f"cassandra-driver-{VERSION}-{sys.version_info[0]}.{sys.version_info[1]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.parent / "cassandra-driver.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _download(folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    import cassandra.cluster   # pylint: disable=import-outside-toplevel
    return cassandra.cluster


def _download(folder) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--target", str(partial), f"cassandra-driver=={VERSION}"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise EngineError(f"pip did not bring the Python driver in {PATIENCE} s") from None
    if done.returncode != 0:
        raise EngineError(f"pip could not bring the Python driver: {done.stderr.strip()[-500:]}")
    partial.rename(folder)
