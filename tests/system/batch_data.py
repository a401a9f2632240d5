"""What the tests of `meterline batch` work on: readings of which some come late, and DuckDB's library."""
import gzip
import heapq
import itertools
import pathlib
import random
import sqlite3
import struct
import sys
from datetime import datetime

from system_program import ROOT, SAMPLE, Skipped

sys.path.insert(0, str(ROOT / "tools"))
from engines import duckdb  # noqa: E402

HEADER = "gateway,type,attribute,timestamp,value\n"
EDF = ("ACTIVE_POWER", "REACTIVE_POWER", "VOLTAGE", "INTENSITY")


def need_library() -> pathlib.Path:
    path = duckdb.folder() / "libduckdb.so"
    if not path.exists():
        raise Skipped("DuckDB's library is not there: ./dev duckdb fetches it")
    return path


def edf_lines(path=SAMPLE, days=None):
    """A list of lines for each row of the file."""
    with gzip.open(path, "rt") as file:
        for row in itertools.islice(file, 1, None if days is None else 1 + days * 1440):
            fields = row.rstrip("\n").split(";")
            if "?" not in fields:
                time = datetime.strptime(f"{fields[0]} {fields[1]}", "%d/%m/%Y %H:%M:%S").strftime("%Y-%m-%dT%H:%M:%SZ")
                yield [f"0,ELECTRICITY,{name},{time},{value}\n" for name, value in zip(EDF, fields[2:])]


def ampds_lines(path, gateway, kind, rows):
    with gzip.open(path, "rt") as file:
        header = next(file).strip().lower().split(",")
        for row in itertools.islice(file, rows):
            fields = dict(zip(header, row.strip().split(",")))
            time = datetime.utcfromtimestamp(int(fields["unix_ts"])).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield [f"{gateway},{kind},{name.upper()},{time},{fields[name]}\n" for name in header[1:]]


def with_late(rows, share=0.05, seed=7, most=2880):
    """The lines in the order in which they come: `share` of them two hours to `most` minutes of rows later."""
    chance, held = random.Random(seed), []
    for number, lines in enumerate(rows):
        while held and held[0][0] <= number:
            yield heapq.heappop(held)[2]
        for line in lines:
            if chance.random() < share:
                heapq.heappush(held, (number + chance.randint(120, most), len(held), line))
            else:
                yield line
    while held:
        yield heapq.heappop(held)[2]


def write_late(meterline, name, rows, most=2880):
    path = meterline.path(name)
    with open(path, "w") as file:
        file.write(HEADER)
        file.writelines(with_late(rows, most=most))
    return path


def store(meterline):
    return sqlite3.connect(meterline.data / "meterline.db")


def flip_bit(meterline, size=3600, offset=40):
    """Flips the lowest bit of a stored sum; gives back the start of the window in ms."""
    with store(meterline) as database:
        series, start, total = database.execute(f"SELECT series, start, sum FROM store_aggregates_{size} ORDER BY series, start LIMIT 1 OFFSET {offset}").fetchone()
        bits = struct.unpack("<Q", struct.pack("<d", total))[0] ^ 1
        database.execute(f"UPDATE store_aggregates_{size} SET sum = ? WHERE series = ? AND start = ?", (struct.unpack("<d", struct.pack("<Q", bits))[0], series, start))
    return start
