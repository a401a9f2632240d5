"""Apache Cassandra: one node, or a cluster on 127.0.0.1, 127.0.0.2, ... with the same native port on each address."""
import json
import ssl

from . import jars
from .certificates import Certificates
from .common import Engine, accepts, free_ports
from .cql import Connection
from .process import EngineError

USERNAME = PASSWORD = "cassandra"   # the superuser that Cassandra makes at its first start
EVERY_NODE = "SELECT session_id FROM system_traces.sessions"   # of two replicas: at ALL it is refused while a node is taken for down

# What the server's own conf/jvm17-server.options opens to it.
EXPORTS = ("java.base/jdk.internal.misc", "java.base/java.lang.ref", "java.management.rmi/com.sun.jmx.remote.internal.rmi", "java.rmi/sun.rmi.registry",
           "java.rmi/sun.rmi.server", "java.rmi/sun.rmi.transport.tcp", "java.sql/java.sql", "jdk.unsupported/sun.misc",
           "jdk.compiler/com.sun.tools.javac.file")
OPENS = (*(f"java.base/{package}" for package in (
    "java.lang", "java.lang.module", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
    "java.util.concurrent.atomic", "sun.nio.ch", "jdk.internal.loader", "jdk.internal.ref", "jdk.internal.reflect", "jdk.internal.math",
    "jdk.internal.module", "jdk.internal.util.jar")), "jdk.management/com.sun.management.internal")
MODULES = [word for option, packages in (("--add-exports", EXPORTS), ("--add-opens", OPENS)) for package in packages
           for word in (option, f"{package}=ALL-UNNAMED")]

LOGBACK = """<configuration>
  <appender name="STDOUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%-5level %date{ISO8601} %logger{0} - %msg%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="STDOUT"/></root>
</configuration>
"""


class Cassandra(Engine):
    """`contact_points`: host:port,... of all nodes; `addresses` and `port` apart. `username`, `password`: with `auth`, else None.
    `certificates`: with `tls`, else None. `config` is put over the settings of cassandra.yaml; None takes one away. The log-ins are on one node of a cluster only (as in a
    new Cassandra), so with `auth` the end of that node ends logging in. `quick`: see jars.java."""
    name = "cassandra"

    def __init__(self, nodes: int = 1, auth: bool = False, tls: bool = False, heap: str = "1g", port: int | None = None, folder=None,
                 config: dict | None = None, detached: bool = False, quick: bool = True):
        super().__init__(nodes, folder, detached)
        self.heap, self.port, self.config, self.quick = heap, port, dict(config or {}), quick
        self.username, self.password = (USERNAME, PASSWORD) if auth else (None, None)
        self.certificates: Certificates | None = None
        self._tls, self._storage_port = tls, 0
        self.addresses = [self.address(node) for node in range(1, nodes + 1)]

    @staticmethod
    def address(node: int = 1) -> str:
        return f"127.0.0.{node}"

    @property
    def contact_points(self) -> str:
        return ",".join(f"{address}:{self.port}" for address in self.addresses)

    @property
    def url(self) -> str:
        return f"cassandra://{self.contact_points}"

    def connect(self, node: int = 1) -> Connection:
        """A connection for the test's own statements, logged in."""
        context = ssl.create_default_context(cafile=self.certificates.ca) if self.certificates else None
        return Connection(self.address(node), self.port, context, self.username, self.password)

    def query(self, text: str, node: int = 1, consistency: str = "QUORUM") -> list[dict]:
        """The rows (column -> value) that a statement answers with."""
        with self.connect(node) as connection:
            return connection.query(text, consistency)

    def _prepare(self) -> None:
        native, self._storage_port = free_ports(2, self.addresses)
        self.port = self.port or native
        if self._tls:
            self.certificates = Certificates(self.folder / "certificates")
        (self.folder / "logback.xml").write_text(LOGBACK)
        for node in self._processes:
            settings = {**self._settings(node), **self.config}
            self._file(node).write_text(json.dumps({name: value for name, value in settings.items() if value is not None}, indent=1))   # JSON is YAML

    def _start_nodes(self) -> None:
        """One after the other: a cluster takes one new node at a time."""
        for node in self._processes:
            self._launch(node)
            self._wait(node)

    def _file(self, node: int):
        return self.folder / f"cassandra-{node}.yaml"

    def _storage(self, node: int):
        return self.folder / f"data-{node}"

    def _settings(self, node: int) -> dict:
        folder = self._storage(node)
        settings = {
            "cluster_name": "meterline", "num_tokens": 4, "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "data_file_directories": [str(folder / "data")], "commitlog_directory": str(folder / "commitlog"),
            "saved_caches_directory": str(folder / "saved_caches"), "hints_directory": str(folder / "hints"), "cdc_raw_directory": str(folder / "cdc_raw"),
            "commitlog_sync": "periodic", "commitlog_sync_period": "1000ms",
            "listen_address": self.address(node), "rpc_address": self.address(node), "native_transport_port": self.port, "storage_port": self._storage_port,
            "endpoint_snitch": "SimpleSnitch",
            "seed_provider": [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                               "parameters": [{"seeds": f"{self.address(1)}:{self._storage_port}"}]}],
        }
        if self.username:
            settings |= {"authenticator": "PasswordAuthenticator", "authorizer": "CassandraAuthorizer"}
        if self.certificates:
            settings["client_encryption_options"] = {
                "enabled": True, "optional": False, "require_client_auth": False, "store_type": "PKCS12",
                "keystore": str(self.certificates.server_keystore), "keystore_password": self.certificates.password,
            }
        return settings

    def _command(self, node: int) -> list:
        libraries = jars.jar_folder("cassandra")
        agent = next(libraries.glob("jamm-*.jar"))
        return [*jars.java(self.quick), *MODULES, f"-Xmx{self.heap}", f"-javaagent:{agent}", f"-Dcassandra.config=file://{self._file(node)}",
                f"-Dlogback.configurationFile={self.folder / 'logback.xml'}",
                f"-Dcassandra.storagedir={self._storage(node)}", "-Dcassandra-foreground=yes", "-Dcassandra.ring_delay_ms=1000",
                "-Dcassandra.skip_wait_for_gossip_to_settle=0", "-Dcassandra.superuser_setup_delay_ms=0",
                "-cp", f"{libraries}/*", "org.apache.cassandra.service.CassandraDaemon"]

    def _ready(self, node: int) -> bool:
        """The node lets us log in; it and the others that answer know of each other, see each other up, and have the same schema."""
        if not accepts(self.address(node), self.port):
            return False
        answering = [other for other, process in self._processes.items() if process.running() and not process.paused]
        try:
            return all(self._sees(other, len(answering) - 1) for other in answering)
        except (OSError, EngineError):
            return False

    def _sees(self, node: int, peers: int) -> bool:
        with self.connect(node) as connection:
            if 0 < peers == self.nodes - 1:
                connection.query(EVERY_NODE, consistency="ALL")
            return len(connection.query("SELECT peer FROM system.peers")) >= peers and len(connection.schema_versions()) == 1
