"""DuckDB's library, which `meterline batch` loads: taken as a Go module, whose hash is pinned here as in a go.sum, and made into one shared object in
the cache of the engines, duckdb-VERSION/libduckdb.so. Its header lies beside it, for the test that compares it with what the program declares.

The module holds static libraries for one machine each. Go's client checks what it brings against its own record and the public checksum database;
that it is what was pinned is compared here.
"""
import fcntl
import json
import os
import pathlib
import platform
import shutil
import subprocess

from .jars import cache_folder
from .process import EngineError

VERSION = "1.5.5"
MODULE = "github.com/duckdb/duckdb-go-bindings/lib/linux-{}@v0.10505.0"
SUMS = {"amd64": "h1:nrsaVYj3XYCRbS2FpdOMD/KHE7egRMr+/NR1IHmjT84=", "arm64": "h1:qM6oGDgwXBILJGbTY4fCy6QOczLpucUA6yn6g3ORjh4="}
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
GO = ("/usr/lib/go-1.19/bin/go", "go")
PATIENCE = 900
PARTS = ("duckdb_generated_extension_loader autocomplete_extension core_functions_extension icu_extension json_extension parquet_extension "
         "tpcds_extension tpch_extension duckdb_fastpforlib duckdb_fmt duckdb_fsst duckdb_hyperloglog duckdb_mbedtls duckdb_miniz duckdb_pg_query "
         "duckdb_re2 duckdb_skiplistlib duckdb_utf8proc duckdb_yyjson duckdb_zstd").split()


def folder() -> pathlib.Path:
    """Where the library lies once it was downloaded; `meterline batch` looks there."""
    return cache_folder() / f"duckdb-{VERSION}"


def library() -> pathlib.Path:
    """The library; downloads and makes it when it is not there."""
    made = folder()
    if not made.is_dir():
        made.parent.mkdir(parents=True, exist_ok=True)
        with open(made.parent / "duckdb.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.is_dir():
                _make(made)
    return made / "libduckdb.so"


def _run(what: str, command, **how) -> str:
    try:
        done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, **how)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise EngineError(f"{what}: {problem}") from None
    if done.returncode != 0:
        raise EngineError(f"{what}: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout


def _module(cache: pathlib.Path) -> pathlib.Path:
    machine = MACHINES.get(platform.machine())
    if not machine:
        raise EngineError(f"DuckDB's library is pinned for {', '.join(MACHINES)}, not for {platform.machine()}")
    go = next((found for name in GO if (found := shutil.which(name))), None)
    if not go:
        raise EngineError("Go is needed to download DuckDB's library: ./dev duckdb installs golang-1.19-go")
    environment = {**os.environ, "GOPATH": str(cache), "GOMODCACHE": str(cache / "pkg/mod"), "GOFLAGS": "-modcacherw", "GO111MODULE": "on"}
    told = json.loads(_run("DuckDB's library could not be downloaded", [go, "mod", "download", "-json", MODULE.format(machine)], env=environment, cwd=cache))
    if told.get("Sum") != SUMS[machine]:
        raise EngineError(f"DuckDB's library has the hash {told.get('Sum')}, not the pinned {SUMS[machine]}: it is not used")
    return pathlib.Path(told["Dir"])


def _make(made: pathlib.Path) -> None:
    partial = made.with_name(made.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    cache = partial / "go"
    cache.mkdir()
    module = _module(cache)
    path = partial / "libduckdb.so"
    _run("DuckDB's library could not be linked", [
        "gcc", "-shared", "-o", path, "-Wl,-soname,libduckdb.so", "-Wl,--gc-sections", f"-L{module}", "-Wl,--whole-archive", "-lduckdb_static",
        "-Wl,--no-whole-archive", "-Wl,--start-group", *(f"-l{part}" for part in PARTS), "-Wl,--end-group", "-static-libstdc++", "-static-libgcc", "-lstdc++",
        "-lm", "-ldl", "-lpthread"])
    _run("DuckDB's library could not be stripped", ["strip", path])
    shutil.copy(module / "duckdb.h", partial)
    shutil.copy(module / "LICENSE", partial)
    shutil.rmtree(cache)
    partial.rename(made)
