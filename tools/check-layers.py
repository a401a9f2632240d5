#!/usr/bin/env python3
"""Checks the house rules that a compiler does not: includes go only downwards, between rooms and inside them
(docs/architecture.md), files stay under 800 lines, functions under 100."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {
    "core": set(),
    "net": {"core"},
    "model": {"core"},
    "codec": {"model"},
    "bus": {"model"},
    "store": {"model"},
    "lake": {"model"},
    "stream": {"codec", "bus", "store", "lake"},
    "sql": {"stream"},
    "batch": {"sql", "lake", "store"},
    "replay": {"codec", "bus"},
    "ingest": {"net", "codec", "bus", "sql"},
    "serve": {"net", "sql", "store"},
    "cli": {"batch", "sql", "stream", "replay", "ingest", "net", "serve"},
}

# Inside a room: the sub-folders that a sub-folder may include besides itself. "." are the files of the room itself.
INNER = {
    "net": {".": set(), "http": {"."}, "mqtt": set()},
    "bus": {".": set(), "sqlite": {"."}, "kafka": {"."}, "memory": {"."}},
    "store": {".": set(), "sqlite": {"."}, "cassandra": {"."}, "redis": {"."}},
    "codec": {"row": set(), "json": {"row"}, "avro": {"row", "json"}, "protobuf": {"row"}, "registry": {"json"},
              "meter": {"row"}, ".": {"row", "json", "avro"}},
    "lake": {"column": set(), "parquet": {"column"}, "iceberg": {"column"}, ".": {"iceberg", "parquet", "column"}},
    "stream": {"state": set(), "operator": {"state"}, "aggregate": {"operator", "state"},
               "join": {"operator", "state"}, ".": {"operator", "aggregate", "join"},
               "source": {".", "operator", "state"},
               "group": {".", "source", "operator", "aggregate", "join", "state"},
               "output": {".", "source", "group", "operator"},
               "runtime": {".", "source", "group", "output", "operator", "aggregate", "join", "state"},
               "sink": {".", "source", "group", "output", "runtime"}},
    "replay": {".": set(), "import": {"."}},
    "model": {"time": set(), ".": {"time"}},
    "cli": {".": set(), "sql": {"."}, "run": {".", "sql"}, "batch": {"."}, "query": {".", "batch"}},
    "batch": {"duckdb": set(), ".": {"duckdb"}},
    "sql": {"syntax": set(), "time": set(), "catalog": {"syntax"}, "function": {"time"},
            "expression": {"syntax", "catalog", "function"},
            "plan": {"syntax", "catalog", "function", "expression", "time"},
            "session": {"syntax", "catalog", "function", "expression", "plan"},
            "record": {"catalog", "plan", "session"}},
}


def reachable(room: str) -> set[str]:
    """The room itself, what it may import, and what that may import."""
    found, waiting = {room}, [room]
    while waiting:
        for lower in ALLOWED[waiting.pop()] - found:
            found.add(lower)
            waiting.append(lower)
    return found


def inner_room(path: str) -> tuple[str, str]:
    """Room and sub-folder of a path below src/."""
    parts = path.split("/")
    return parts[0], parts[1] if len(parts) > 2 else "."


def may_include(where: str, what: str) -> bool:
    """Whether the source `where` may include the header `what`, both below src/."""
    (room, inner), (other, other_inner) = inner_room(where), inner_room(what)
    if room != other:
        return other in reachable(room)
    return room not in INNER or inner == other_inner or other_inner in INNER[room][inner]


def check_file(path: pathlib.Path, problems: list[str]) -> None:
    relative = path.relative_to(ROOT)
    below = path.relative_to(ROOT / "src").as_posix()
    room, inner = inner_room(below)
    lines = path.read_text().splitlines()
    if room not in ALLOWED or inner not in INNER.get(room, {inner: set()}):
        problems.append(f"{relative}: room {room}/{inner} is not in the design")
        return
    if len(lines) > 800:
        problems.append(f"{relative}: {len(lines)} lines")
    begin = 0
    for number, line in enumerate(lines, 1):
        include = re.match(r'#include "(\w[\w/.]*/[\w.]+)"', line)
        if include and not may_include(below, include[1]):
            problems.append(f"{relative}:{number}: {room}/{inner} may not include {include[1]}")
        if line.startswith("{") or (line and not line[0].isspace() and line.endswith(") {")):
            begin = 0 if line.endswith("= {") else number
        if line.startswith("}"):
            if begin and number - begin > 100:
                problems.append(f"{relative}:{begin}: a function of {number - begin} lines")
            begin = 0


def main() -> int:
    problems: list[str] = []
    for path in sorted((ROOT / "src").rglob("*.[ch]")):
        check_file(path, problems)
    print("\n".join(problems) if problems else "layers and sizes are as they should be")
    return 1 if problems else 0


sys.exit(main())
