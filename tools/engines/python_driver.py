"""DataStax's Python driver for Cassandra: a client that is not ours, for tests."""
from .python_package import import_package

VERSION = "3.30.1"


def import_driver():
    """The module cassandra.cluster; an EngineError when pip cannot bring it."""
    return import_package("cassandra-driver", VERSION, "cassandra.cluster")
