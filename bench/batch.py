"""The benchmark of batch: all hours folded again from the lake and compared with the store, beside DuckDB's own SQL aggregate of the same readings."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
JOB = os.path.join(HERE, "../share/jobs/hourly.sql")
HOUSEHOLDS = 10


class BatchBench:
    def __init__(self, bench):
        self.bench = bench

    def measure(self):
        bench = self.bench
        source, _ = bench.edf_source()
        data = bench.path("lake")
        bench.time("replay", *source[:2], "-s", 0, "-e", HOUSEHOLDS - 1, source[-1], "--data", data)
        bench.time("run", "--final", "--windows", 3600, "--lake", "default", "--data", data)
        readings = sum(topic["records"] for topic in bench.topics(data) if topic["topic"] == "metrics")
        start = bench.time("batch", "sql", "-e", "SELECT 1", "--data", data)
        fold = bench.time("batch", "reconcile", "--data", data)
        sql = bench.time("batch", "run", JOB, "--into", "csv", "--output", "/dev/null", "--data", data)
        bench.row("batch: start, with DuckDB's library", start.wall, "s")
        bench.row(f"batch: {readings:,} readings of the lake into hours by the stream's fold, compared with the store", readings / fold.wall / 1e6, "M readings/s", None, 10, most=False)
        bench.row("batch: CPU of it (beside it: DuckDB's SQL aggregate of the same, job hourly)", fold.cpu / readings * 1e6, "CPU s/M readings", sql.cpu / readings * 1e6)
