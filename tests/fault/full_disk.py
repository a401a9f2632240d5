"""A disk that fills up: replay and run on a file system of a few megabytes stop with a message that says so, and go on to exact results once there is room."""
import contextlib
import os
import shutil
import subprocess

from program import Failure, compare

WINDOWS = ("60", "3600")
SOURCE = ("-t", "synthetic", "--series", 40, "--interval", "5s", "--duration", "36000s", "--seed", 11, "--disordered", 0.02)
RUN = ("run", "--until-end", "--final", "--windows", ",".join(WINDOWS))
OUTPUTS = [f"metrics-aggregates-{window}" for window in WINDOWS]


def mount(*arguments):
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@contextlib.contextmanager
def small_disk(path, size):
    """A tmpfs of `size`; yields None where it cannot be mounted."""
    os.makedirs(path)
    if not mount("-t", "tmpfs", "-o", f"size={size}", "meterline-fault", path):
        yield None
        return
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def must_be_full(program, *arguments):
    status, _, messages = program.attempt(*arguments)
    if status != 1 or "full" not in messages:
        raise Failure(f"on a full disk: exit status {status}, expected 1 and a message about a full disk: {messages.strip()[-400:]}")


def full_disk(program, folder):
    """True when it was tried, False when nothing can be mounted here."""
    reference = os.path.join(folder, "full-disk-reference")
    program.do("replay", *SOURCE, "--data", reference)
    readings = program.snapshot(reference, (), ["metrics"])
    program.do(*RUN, "--data", reference)
    results = program.snapshot(reference, WINDOWS, OUTPUTS)
    with small_disk(os.path.join(folder, "small-disk"), "1m") as disk:
        if not disk:
            return False
        data = os.path.join(disk, "data")
        must_be_full(program, "replay", *SOURCE, "--data", data)
        mount("-o", "remount,size=64m", disk)
        program.do("replay", *SOURCE, "--resume", "--data", data)
        compare(program.snapshot(data, (), ["metrics"]), readings, "replay after a full disk")
        used = shutil.disk_usage(disk).used
        if not mount("-o", f"remount,size={used + (512 << 10)}", disk):
            raise Failure("cannot make the small disk smaller")
        must_be_full(program, *RUN, "--data", data)
        mount("-o", "remount,size=256m", disk)
        program.do(*RUN, "--data", data)
        compare(program.snapshot(data, WINDOWS, OUTPUTS), results, "run after a full disk")
    return True
