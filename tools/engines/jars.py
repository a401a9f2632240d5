"""The servers' jars: downloaded once by Maven into a cache outside the work tree, CACHE/NAME-HASH/*.jar, with HASH taken from poms/NAME.xml.

A download goes into a folder beside it that is renamed when it is whole, so a folder that is there is complete; a file lock makes one of two
programs wait for the other instead of downloading the same.
"""
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

from .common import program
from .process import EngineError

POMS = pathlib.Path(__file__).resolve().parent / "poms"
PATIENCE = 900   # seconds a download may take
NAMES = ("kafka", "kafka-3.9", "registry", "cassandra")


def cache_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("METERLINE_ENGINES_CACHE") or pathlib.Path.home() / ".cache/meterline-engines")


def jar_folder(name: str) -> pathlib.Path:
    """The folder with the jars of an engine; downloads them when they are not there."""
    pom = POMS / f"{name}.xml"
    folder = cache_folder() / f"{name}-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _download(pom, folder)
    return folder


def _download(pom: pathlib.Path, folder: pathlib.Path) -> None:
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [program("mvn"), "-q", "-B", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={partial}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise EngineError(f"Maven did not bring the jars of {pom.stem} in {PATIENCE} s") from None
    if done.returncode != 0 or not any(partial.glob("*.jar")):
        raise EngineError(f"Maven could not bring the jars of {pom.stem}: {(done.stdout + done.stderr).strip()[-2000:]}")
    partial.rename(folder)


def class_path(name: str) -> str:
    return f"{jar_folder(name)}/*"


def java(quick: bool = True) -> list[str]:
    """The beginning of a Java command. `quick`: compiled by C1 and collected by one thread, which starts sooner and costs less on few cores; a server that
    works for minutes (a benchmark) is faster without."""
    return [program("java"), *(("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1") if quick else ())]


def run_java(name: str, source, *arguments, input: str = "", timeout: float = 60) -> str:
    """Runs a single-file Java source with an engine's jars; its standard output. An EngineError with its messages when it fails."""
    command = [*java(), "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", class_path(name), source, *arguments]
    done = subprocess.run([*map(str, command)], input=input, capture_output=True, encoding="utf-8", timeout=timeout)
    if done.returncode != 0:
        raise EngineError(f"{pathlib.Path(source).name}: exit status {done.returncode}: {done.stderr.strip()[-4000:]}")
    return done.stdout
