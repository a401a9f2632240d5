"""Topics that are not what a group needs: missing, deleted and made anew, with more partitions, compacted, with records that retention has eaten."""
import json
import subprocess
import time

from program import QUICK, WINDOWS, oracle
from engines.jars import class_path

SOURCE = ("-t", "synthetic", "--series", 40, "--interval", "5s", "--seed", 7)


def configure(meterline, topic, **settings):
    """Topic settings by Kafka's own tool."""
    words = ",".join(f"{name.replace('_', '.')}={value}" for name, value in settings.items())
    subprocess.run(["java", "-cp", class_path("kafka"), "kafka.admin.ConfigCommand", "--bootstrap-server", meterline.bootstrap, "--alter", "--entity-type", "topics",
                    "--entity-name", topic, "--add-config", words], check=True, capture_output=True, timeout=60)


def test_topic_that_is_not_there(meterline):
    meterline("tail", "nothing", status=1, says="topic nothing does not exist")
    meterline("track", "nothing", status=1, says="topic nothing does not exist")
    meterline("topics", "nothing", status=1, says="does not exist")
    meterline("run", "--until-end", "--group", "fresh")     # run makes what it reads
    assert meterline.topics()["metrics"]["partitions"] == 4


def test_retention_must_cover_the_longest_window(meterline):
    meterline("topics", "create", "metrics", "--retention-time", "12h")
    meterline("run", "--until-end", status=1, says=["keeps records for 43200 s", "take 86700 s", "--on-lost-offsets"])
    meterline("run", "--until-end", "--windows", "60,3600")
    meterline("run", "--until-end", "--group", "knows", "--on-lost-offsets", "earliest")


def test_compacted_topic(meterline):
    meterline("replay", *SOURCE, "--duration", "10m")
    configure(meterline, "metrics", cleanup_policy="compact")
    meterline("run", "--until-end", status=1, says=["is compacted", "cleanup.policy=delete"])
    meterline("run", "--final", "--on-lost-offsets", "earliest")
    meterline.check_results(oracle.fold(oracle.topic_readings(meterline.dump()), WINDOWS, 300))


def test_topic_made_anew(meterline):
    meterline("replay", *SOURCE, "--duration", "10m")
    meterline("run", "--until-end", "--group", "anew")
    meterline("topics", "delete", "metrics", "--yes")
    meterline.wait_for(lambda: "metrics" not in meterline.topics(), "the topic is gone")
    meterline("replay", *SOURCE, "--duration", "5m", "--start", "2024-01-02T00:00:00Z")
    if meterline.lag("anew") is None:     # the broker has forgotten the positions with the topic
        meterline("run", "--until-end", "--group", "anew")
    else:
        meterline("run", "--until-end", "--group", "anew", status=1, says=["made anew", "--reset", "--on-lost-offsets"])
        meterline("run", "--until-end", "--group", "anew", "--on-lost-offsets", "earliest")
    assert meterline.lag("anew") == 0


def test_partitions_added_while_running(meterline):
    meterline("replay", *SOURCE, "--duration", "10m")
    run = meterline.start("run", "--group", "grown", *QUICK, "-X", "topic.metadata.refresh.interval.ms=500")
    meterline.wait_for(lambda: meterline.lag("grown") == 0, "the run has read all")
    subprocess.run(["java", "-cp", class_path("kafka"), "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", meterline.bootstrap, "--alter", "--topic", "metrics",
                    "--partitions", "6"], check=True, capture_output=True, timeout=60)
    _, text = run.communicate(timeout=60)
    assert run.returncode == 1 and "more than the 4 partitions" in text, text
    meterline("run", "--until-end", "--group", "grown", status=1, says=["has 6 partitions, it had 4", "--reset"])
    meterline("run", "--until-end", "--group", "other")


def test_retention_has_eaten_what_open_windows_need(meterline):
    """A clear error that names the records; then the run goes on, and what lacks readings says so: only that."""
    meterline("replay", *SOURCE, "--duration", "90m")
    meterline("run", "--until-end", "--group", "eaten")
    configure(meterline, "metrics", retention_bytes=1, segment_bytes=1048576, segment_ms=1000, retention_ms=1000)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        out, _ = meterline("topics", "metrics", "--format", "json")
        starts = [json.loads(line)["startOffset"] for line in out.splitlines() if "startOffset" in line]
        if all(start > 0 for start in starts):
            break
        meterline("replay", *SOURCE, "--duration", "90m", "--resume")   # a segment is closed when something comes
        time.sleep(0.5)
    assert all(start > 0 for start in starts), f"retention did not delete: {starts}"
    configure(meterline, "metrics", retention_ms=-1, retention_bytes=-1, segment_ms=604800000)
    meterline("run", "--until-end", "--group", "eaten", status=1, says=["retention has deleted", "eaten.sql.metrics", "--on-lost-offsets earliest", "AGGREGATES_86400 (windows of 86400 s, from "])
    meterline("replay", *SOURCE, "--duration", "4h", "--resume")
    meterline("run", "--final", "--group", "eaten", "--on-lost-offsets", "earliest")
    marked = {window: {r["value"]["windowStart"] for r in meterline.records(f"metrics-aggregates-{window}") if r["headers"].get("incomplete")} for window in WINDOWS}
    assert "2024-01-01T01:00:00Z" in marked[3600] and "2024-01-01T00:00:00Z" not in marked[3600] and "2024-01-01T02:00:00Z" not in marked[3600], marked[3600]
    assert marked[86400] == {"2024-01-01T00:00:00Z"}
    revisions = {row["windowStart"] for row in meterline.rows(3600)}
    assert {"2024-01-01T00:00:00Z", "2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z"} <= revisions
