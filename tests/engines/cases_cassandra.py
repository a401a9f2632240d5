"""Cassandra: the native protocol answers, a log-in over TLS, two nodes that know of each other, one that is killed and comes back."""
import datetime
import ssl

from engines.cassandra import Cassandra
from engines.cql import Connection
from expect import refused, running

STATE = "SELECT address, status_with_port FROM system_views.gossip_info"


def make_table(cassandra):
    cassandra.query(f"CREATE KEYSPACE k WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': {cassandra.nodes}}}")
    cassandra.query("CREATE TABLE k.t (gateway text, at timestamp, count bigint, average double, PRIMARY KEY (gateway, at))")
    cassandra.query("INSERT INTO k.t (gateway, at, count, average) VALUES ('0', '2007-01-01T00:00:00Z', 12, 0.1)")


def test_cassandra_log_in_and_tls():
    with running(Cassandra(auth=True, tls=True)) as cassandra:
        with cassandra.connect() as connection:
            assert "CQL_VERSION" in connection.options()
        make_table(cassandra)
        row = {"gateway": "0", "at": datetime.datetime(2007, 1, 1, tzinfo=datetime.timezone.utc), "average": 0.1, "count": 12}
        assert cassandra.query("SELECT * FROM k.t") == [row]
        refused(lambda: cassandra.query("SELECT * FROM k.nothing"), "does not exist")
        tls = ssl.create_default_context(cafile=cassandra.certificates.ca)
        refused(lambda: Connection("127.0.0.1", cassandra.port, tls, "cassandra", "wrong"), "0x0100")
        refused(lambda: Connection("127.0.0.1", cassandra.port, tls), "0x0100")


def test_cassandra_two_nodes():
    with running(Cassandra(nodes=2)) as cassandra:
        assert cassandra.contact_points == f"127.0.0.1:{cassandra.port},127.0.0.2:{cassandra.port}"
        for node, peer in ((1, "127.0.0.2"), (2, "127.0.0.1")):
            assert [row["peer"] for row in cassandra.query("SELECT peer FROM system.peers", node)] == [peer]
            states = {row["address"]: row["status_with_port"] for row in cassandra.query(STATE, node)}
            assert set(states) == {"127.0.0.1", "127.0.0.2"} and all(state.startswith("NORMAL") for state in states.values()), states
        make_table(cassandra)
        assert [row["count"] for row in cassandra.query("SELECT * FROM k.t", 2, consistency="ALL")] == [12]
        cassandra.kill_node(2)
        cassandra.query("INSERT INTO k.t (gateway, at, count) VALUES ('1', 0, 7)", consistency="ONE")
        cassandra.start_node(2)
        assert len(cassandra.query("SELECT * FROM k.t", 2, consistency="ALL")) == 2
        assert len(cassandra.query("SELECT * FROM k.t", 1, consistency="ALL")) == 2
