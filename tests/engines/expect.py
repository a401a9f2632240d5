"""What the tests of the engines ask again and again."""
import contextlib
import time

from engines.process import EngineError, started_at


@contextlib.contextmanager
def running(engine):
    """The started engine; afterwards none of its processes is left, also none that it started meanwhile, and no folder."""
    seen = set()
    with engine:
        folder = engine.folder
        seen.update(engine.pids().values())
        assert len(seen) == engine.nodes, f"{len(seen)} processes of {engine.nodes}"
        yield engine
        seen.update(engine.pids().values())
    left = [pid for pid in seen if started_at(pid)]
    assert not left, f"{engine.name}: processes {left} are left"
    assert not folder.exists(), f"{engine.name}: {folder} is left"


def refused(action, *words) -> None:
    """The action ends in an EngineError whose message holds the words."""
    try:
        action()
    except EngineError as problem:
        for word in words:
            assert word in str(problem), f"expected '{word}' in: {problem}"
        return
    raise AssertionError(f"expected a refusal that says {words}")


def soon(condition, what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not in {seconds} s"
        time.sleep(0.05)
