"""Two nodes of Cassandra: each row goes to the node that holds it; one node is lost and comes back."""
import time

from cases_cassandra import DURABLE, ONE, SOURCE, WINDOWS, same_rows, store
from engines.cassandra import Cassandra


def writes(cassandra, node, what, keyspace):
    """How many writes a node has coordinated, or done itself, by table."""
    rows = cassandra.query(f"SELECT keyspace_name, table_name, count FROM system_views.{what}_write_latency", node)
    return {row["table_name"]: row["count"] for row in rows if row["keyspace_name"] == keyspace}


def same_as_embedded(meterline, *words):
    for window in WINDOWS:
        left, right = meterline.query(window, *words).splitlines(), meterline.query(window).splitlines()
        assert left == right, f"{window} s: {len(left)} rows, embedded {len(right)}; {sorted(set(left) ^ set(right))[:6]}"


def test_two_nodes(meterline):
    """Token-aware: with one replica a node coordinates just the writes that it does itself. With two, one node is killed under load: the run goes on without it."""
    with Cassandra(nodes=2, heap="512m", config=DURABLE) as cassandra:
        single = store(cassandra, "single")
        meterline("replay", *SOURCE)
        meterline("run", "--final", "--group", "single", *single)
        same_rows(meterline, single)
        for node in (1, 2):
            done, coordinated = writes(cassandra, node, "local", "single"), writes(cassandra, node, "coordinator", "single")
            for window in WINDOWS:
                table = f"metrics_aggregates_{window}"
                assert done[table] == coordinated[table] > 0, f"node {node}, {table}: {coordinated[table]} writes coordinated, {done[table]} of its own"
        double = store(cassandra, "double", "-X", "cassandra.replication=2")
        replay = meterline.start("replay", *SOURCE, "--topic", "more", "-r", 40000)
        run = meterline.start("run", "--topic", "more", "--group", "double", *double)
        time.sleep(3)
        cassandra.kill_node(2)
        replay.communicate(timeout=100)
        run.terminate()
        _, text = run.communicate(timeout=100)
        assert run.returncode == 0, text
        meterline("run", "--final", "--topic", "more", "--group", "double", *double)
        cassandra.start_node(2)
        same_as_embedded(meterline, *double, "-X", "cassandra.consistency=ALL")   # what one node has missed it has got back after this
        cassandra.kill_node(1)     # the first contact point
        same_as_embedded(meterline, *double)
