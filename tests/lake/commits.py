"""Kills and failures at every step of commits to the lake: data files, manifests, their list, metadata, hint.

Each step is a file that gets its name, or loses it (link, rename, unlink below the lake; fault_preload.c). The program is
killed before it and after it, or the call fails, done or not done. Whatever happens: after the next undisturbed run the
table has each reading once, its check finds nothing, and the counts that it keeps agree."""
import os
import shutil
import subprocess

SOURCE = ("replay", "-q", "-t", "synthetic", "--series", "20", "--interval", "10m", "--duration", "50d", "--seed", "5", "--bad", "0.001")
RUN = ("run", "-q", "--until-end", "--lake", "default", "--store", "none", "--lake-memory", "40K")
KINDS = ({"FAULT_KILL": "before"}, {"FAULT_KILL": "after"}, {"FAULT_LOST": "1"}, {})


class Commits:
    def __init__(self, binary, preload, folder):
        self.binary, self.preload, self.folder = str(binary), str(preload), folder
        self.base = os.path.join(folder, "base")
        self.do(*SOURCE, "--data", self.base)
        self.reference = os.path.join(folder, "reference")
        shutil.copytree(self.base, self.reference)
        self.do(*RUN, "--data", self.reference)
        self.rows = self.count(self.reference)

    def start(self, *arguments, environment=None):
        return subprocess.run([self.binary, *arguments], capture_output=True, text=True, timeout=120,
                              env=dict(os.environ, **(environment or {})))

    def do(self, *arguments):
        done = self.start(*arguments)
        assert done.returncode == 0, (arguments, done.returncode, done.stderr[-600:])
        return done.stdout

    def count(self, data):
        """Rows of the table, after its check."""
        self.do("lake", "check", "-q", "--data", data)
        header, line = self.do("lake", "--data", data, "--format", "csv").splitlines()
        assert header.startswith("table,rows,files"), header
        return int(line.split(",")[1])

    def steps(self, command, data):
        """How many steps an undisturbed command has."""
        path = data + ".count"
        done = self.start(*command, "--data", data, environment={
            "LD_PRELOAD": self.preload, "FAULT_CLASS": "publish", "FAULT_COUNT_FILE": path})
        assert done.returncode == 0, done.stderr[-600:]
        with open(path, encoding="ascii") as file:
            return int(file.read())

    def faulty(self, command, data, at, kind):
        return self.start(*command, "--data", data, environment={
            "LD_PRELOAD": self.preload, "FAULT_CLASS": "publish", "FAULT_AT": str(at), **kind})

    def sweep(self, rounds):
        """Every step of a run in turn, with each kind of fault; `rounds` of them."""
        trial = os.path.join(self.folder, "trial")
        shutil.copytree(self.base, trial)
        steps = self.steps(RUN, trial)
        assert steps > 30, steps
        points = [(at, kind) for at in range(1, steps + 1) for kind in KINDS]
        chosen = points[::max(1, len(points) // rounds)]
        killed = 0
        for at, kind in chosen:
            shutil.rmtree(trial)
            shutil.copytree(self.base, trial)
            done = self.faulty(RUN, trial, at, kind)
            killed += done.returncode == -9
            assert done.returncode in (0, 1, -9), (at, kind, done.returncode, done.stderr[-600:])
            self.do(*RUN, "--data", trial)
            rows = self.count(trial)
            assert rows == self.rows, (at, kind, rows, self.rows)
        assert killed >= len(chosen) // 3, (killed, len(chosen))
        return len(chosen), killed

    def maintenance(self, rounds):
        """The same of compaction and expiry: no row is lost, and what is left over is found by the next expiry."""
        commands = (("lake", "compact", "-q"), ("lake", "expire", "-q", "--keep", "0"))
        trial = os.path.join(self.folder, "maintained")
        done = 0
        for command in commands:
            shutil.copytree(self.reference, trial)
            if command[1] == "expire":
                self.do("lake", "compact", "-q", "--data", trial)
            before = trial + ".before"
            shutil.copytree(trial, before)
            steps = self.steps(command, trial)
            points = [(at, kind) for at in range(1, steps + 1) for kind in KINDS]
            for at, kind in points[::max(1, len(points) // rounds)]:
                shutil.rmtree(trial)
                shutil.copytree(before, trial)
                self.faulty(command, trial, at, kind)
                assert self.count(trial) == self.rows, (command, at, kind)
                self.do(*command, "--data", trial)
                assert self.count(trial) == self.rows, (command, at, kind)
                done += 1
            shutil.rmtree(trial)
            shutil.rmtree(before)
        return done
