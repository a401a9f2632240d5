"""Packages from PyPI that tests use as clients that are not ours. Downloaded once by pip into the cache of the engines, for this version of Python."""
import fcntl
import importlib
import shutil
import subprocess
import sys

from .jars import cache_folder
from .process import EngineError

PATIENCE = 300   # seconds


def import_package(package: str, version: str, module: str):
    """The module of a package, in this version with what it needs; an EngineError when pip cannot bring it."""
    folder = cache_folder() / f"{package}-{version}-{sys.version_info[0]}.{sys.version_info[1]}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.parent / f"{package}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _download(folder, f"{package}=={version}")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(module)


def _download(folder, requirement: str) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "--target", str(partial), requirement]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise EngineError(f"pip did not bring {requirement} in {PATIENCE} s") from None
    if done.returncode != 0:
        raise EngineError(f"pip could not bring {requirement}: {done.stderr.strip()[-500:]}")
    partial.rename(folder)
