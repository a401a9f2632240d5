#!/usr/bin/env python3
"""Checks the house rules that a compiler does not: includes go only downwards (docs/architecture.md), files stay under 800 lines, functions under 100."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALLOWED = {
    "core": set(),
    "model": {"core"},
    "codec": {"model"},
    "bus": {"model"},
    "store": {"model"},
    "lake": {"model"},
    "stream": {"codec", "bus", "store", "lake"},
    "sql": {"stream"},
    "batch": {"sql", "lake", "store"},
    "replay": {"codec", "bus"},
    "ingest": {"codec", "bus"},
    "serve": {"batch", "sql", "store"},
    "cli": {"serve", "batch", "sql", "stream", "replay", "ingest", "lake"},
}


def reachable(room: str) -> set[str]:
    """The room itself, what it may import, and what that may import."""
    found, waiting = {room}, [room]
    while waiting:
        for lower in ALLOWED[waiting.pop()] - found:
            found.add(lower)
            waiting.append(lower)
    return found


def check_file(path: pathlib.Path, problems: list[str]) -> None:
    relative = path.relative_to(ROOT)
    room = path.relative_to(ROOT / "src").parts[0]
    lines = path.read_text().splitlines()
    if room not in ALLOWED:
        problems.append(f"{relative}: room {room} is not in the design")
        return
    if len(lines) > 800:
        problems.append(f"{relative}: {len(lines)} lines")
    begin = 0
    for number, line in enumerate(lines, 1):
        include = re.match(r'#include "(\w+)/', line)
        if include and include[1] not in reachable(room):
            problems.append(f"{relative}:{number}: {room} may not include {include[1]}")
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
