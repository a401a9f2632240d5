"""Every command in README and docs, run in a folder of its own with the sample data, its output compared with the block that follows it.

A block ```sh is run by bash -e, ```python by Python (with pandas, when it is there). A block without a language after it is its output: what varies (times of now, rates) is put aside,
a line ".." stands for any lines. `<!-- not run: why -->` before a block leaves it out, `<!-- goes on -->` runs it beside the others until the page ends.
METERLINE_FIXTURES=1 writes the outputs into the pages."""
import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys

from batch_data import need_library
from system_program import ROOT, Skipped

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
VARIES = ((r",\d+,(?=\d{4}-\d\d-\d\dT\S*\.\d{3}Z$)", ",BYTES,"), (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "(now)"), (r"in [\d.]+ s, [\d,]+/s", "in T s, R/s"), (r"(?<=[ ,])\d+(?=(,-1){2}$)", "BYTES"))


class Page:
    def __init__(self, meterline, path):
        self.path, self.text, self.beside = path, path.read_text(), []
        self.folder = meterline.path(path.stem)
        self.folder.mkdir()
        for name in ("share", "tools"):
            (self.folder / name).symlink_to(ROOT / name)
        (self.folder / "build").mkdir()
        for place in ("build/meterline", "meterline"):
            (self.folder / place).symlink_to(os.path.abspath(meterline.binary))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("METERLINE", "COLUMNS"))}
        self.environment |= {"PATH": f"{self.folder}:{os.environ['PATH']}", "METERLINE": str(self.folder / "meterline")}

    def blocks(self):
        """(language, text, marker, output block or None) of each block that is run."""
        found = list(FENCE.finditer(self.text))
        for block, after in zip(found, found[1:] + [None]):
            marker = re.search(r"<!-- ([^\n]*) -->\s*$", self.text[:block.start()])
            output = after if after and not after[1] and not self.text[block.end():after.start()].strip() else None
            yield block[1], block[2], marker[1] if marker else "", output

    def run(self, language, text):
        command = ["bash", "-euo", "pipefail", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        try:
            out, _ = process.communicate(timeout=300)
        finally:  # what a block has left running ends with it
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == 0, f"{self.path.name}: {text}exit status {process.returncode}:\n{out}"
        return out

    def start(self, text):
        self.beside.append(subprocess.Popen(["bash", "-c", "exec " + text.strip()], cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))

    def close(self):
        for process in self.beside:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
            assert process.returncode == 0, f"{self.path.name}: {err}"


def plain(text):
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text, flags=re.M)
    return [line.rstrip() for line in text.rstrip("\n").split("\n")]


def matches(wanted, got):
    if not wanted:
        return not got
    if wanted[0] == "..":
        return any(matches(wanted[1:], got[skipped:]) for skipped in range(len(got) + 1))
    return bool(got) and wanted[0] == got[0] and matches(wanted[1:], got[1:])


def run_page(meterline, name):
    page = Page(meterline, ROOT / name)
    if re.search(r"^meterline batch ", page.text, re.M):
        need_library()
    skipped, writes = [], []
    try:
        for language, text, marker, output in page.blocks():
            if marker.startswith("not run: ") or language not in ("sh", "python"):
                assert language != "" or not re.search(r"^(build/)?meterline \w+(?![\w:])", text, re.M) or name.endswith(("reference.md", "CONTRIBUTING.md")), f"{name}: a command that no test runs: {text}"
                continue
            if language == "python" and not importlib.util.find_spec("pandas"):
                skipped.append("pandas is not installed")
                continue
            if marker == "goes on":
                page.start(text)
                continue
            got = page.run(language, text)
            if output and os.environ.get("METERLINE_FIXTURES"):
                writes.append((output.start(2), output.end(2), got))
            elif output:
                assert matches(plain(output[2]), plain(got)), f"{name}: {text}prints otherwise:\n{got}"
    finally:
        page.close()
    for start, end, got in reversed(writes):
        page.text = page.text[:start] + got + page.text[end:]
    if writes:
        page.path.write_text(page.text)
    if skipped:
        raise Skipped(", ".join(skipped))


def page_test(name):
    def case(meterline):
        run_page(meterline, name)
    return case


for found in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
    globals()[f"test_page_{found.stem.replace('-', '_').lower()}"] = page_test(str(found.relative_to(ROOT)))
