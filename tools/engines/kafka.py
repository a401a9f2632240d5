"""Apache Kafka (KRaft): one or more brokers, each also a controller, with settings under which tests are quick.

Each broker has three listeners: CLIENT (what `bootstrap` names; secured as asked), INTERNAL (plain text, between brokers and for this module's own
requests) and CONTROLLER. Users of SASL/PLAIN are in the listener's JAAS configuration; those of SCRAM are written when the storage is formatted.

Kafka 4 refuses SCRAM clients that send the nonce wrongly, as librdkafka did before 2.6.1 (its pull request 4895; Debian 12 has 2.0.2), so "scram" runs
Kafka 3.9 unless another version is asked for.
"""
import base64
import subprocess
import typing
import uuid

from . import jars
from .certificates import Certificates
from .common import Engine, accepts, free_ports, program
from .kafka_request import broker_ids, create_topic
from .process import EngineError

USERNAME, PASSWORD = "meterline", "meterline-secret"


class Security(typing.NamedTuple):
    protocol: str
    mechanisms: tuple = ()
    client_certificate: bool = False

    @property
    def tls(self):
        return self.protocol.endswith("SSL")


JARS = {"4.1": "kafka", "3.9": "kafka-3.9"}
SECURITY = {
    None: Security("PLAINTEXT"),
    "sasl_plain": Security("SASL_PLAINTEXT", ("PLAIN",)),
    "scram": Security("SASL_PLAINTEXT", ("SCRAM-SHA-512", "SCRAM-SHA-256")),
    "tls": Security("SSL"),
    "mtls": Security("SSL", client_certificate=True),
    "sasl_tls": Security("SASL_SSL", ("PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256")),
}


class Kafka(Engine):
    """`bootstrap`: host:port,... of all brokers. `client`: the librdkafka properties that a client needs (empty without security).
    `username`, `password`: of SASL; `certificates`: of TLS, or None. `config` is added to each broker's server.properties.
    `port` is that of the first broker; the others follow it (without it: free ports). `version`: "4.1" or "3.9". `quick`: see jars.java."""
    name = "kafka"
    stop_broker, kill_broker, start_broker = Engine.stop_node, Engine.kill_node, Engine.start_node
    pause_broker, resume_broker = Engine.pause_node, Engine.resume_node

    def __init__(self, brokers: int = 1, folder=None, heap: str = "512m", config: dict | None = None, security: str | None = None,
                 port: int | None = None, detached: bool = False, version: str | None = None, quick: bool = True):
        super().__init__(brokers, folder, detached)
        if security not in SECURITY:
            raise EngineError(f"security '{security}' is none of {', '.join(filter(None, SECURITY))}")
        self.heap, self.config, self.security = heap, dict(config or {}), SECURITY[security]
        self.quick, self.version = quick, version or ("3.9" if security == "scram" else "4.1")
        self.username, self.password, self.certificates = USERNAME, PASSWORD, None
        self._port = port
        self._ports: dict[int, tuple[int, int, int]] = {}   # node -> client, internal, controller

    @property
    def bootstrap(self) -> str:
        return ",".join(self.address(node) for node in self._ports)

    def address(self, broker: int = 1) -> str:
        return f"127.0.0.1:{self._ports[broker][0]}"

    @property
    def url(self) -> str:
        return f"kafka://{self.bootstrap}"

    @property
    def client(self) -> dict[str, str]:
        properties = {} if self.security.protocol == "PLAINTEXT" else {"security.protocol": self.security.protocol}
        if self.security.mechanisms:
            properties |= {"sasl.mechanism": self.security.mechanisms[0], "sasl.username": self.username, "sasl.password": self.password}
        if self.security.tls:
            properties["ssl.ca.location"] = str(self.certificates.ca)
        if self.security.client_certificate:
            properties |= {"ssl.certificate.location": str(self.certificates.client_certificate), "ssl.key.location": str(self.certificates.client_key)}
        return properties

    def create_topic(self, name: str, partitions: int = 4, replication: int | None = None, config: dict | None = None) -> None:
        """`replication`: min(3, brokers) by default."""
        broker = min(self._answering())
        create_topic(("127.0.0.1", self._ports[broker][1]), name, partitions, replication or min(3, self.nodes), config or {})

    def kcat(self, *arguments, input: str | None = None, broker: int | None = None, timeout: float = 30, properties: dict | None = None) -> str:
        """Runs kcat with the client's properties and `properties` over them; its standard output. An EngineError when it fails."""
        options = [word for name, value in {**self.client, **(properties or {})}.items() for word in ("-X", f"{name}={value}")]
        command = [program("kcat"), "-q", "-b", self.address(broker) if broker else self.bootstrap, *options, *map(str, arguments)]
        given = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=timeout, **given)
        if done.returncode != 0:
            raise EngineError(f"kcat {' '.join(map(str, arguments))}: exit status {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def _prepare(self) -> None:
        self._ports = self._choose_ports()
        if self.security.tls:
            self.certificates = Certificates(self.folder / "certificates")
        for node in self._ports:
            lines = [f"{name}={value}" for name, value in {**self._properties(node), **self.config}.items()]
            self._file(node).write_text("\n".join(lines) + "\n")
        self._format()

    def _choose_ports(self):
        given = [self._port + node for node in range(self.nodes)] if self._port else []
        free = [port for port in free_ports(3 * self.nodes + len(given)) if port not in given]
        client = given or [free.pop() for _ in range(self.nodes)]
        return {node: (client[node - 1], free.pop(), free.pop()) for node in range(1, self.nodes + 1)}

    def _file(self, node: int):
        return self.folder / f"server-{node}.properties"

    def _properties(self, node: int) -> dict:
        client, internal, controller = self._ports[node]
        copies, in_sync = min(3, self.nodes), 2 if self.nodes >= 3 else 1
        properties = {
            "process.roles": "broker,controller", "node.id": node, "log.dirs": self.folder / f"data-{node}",
            "controller.quorum.voters": ",".join(f"{other}@127.0.0.1:{ports[2]}" for other, ports in self._ports.items()),
            "listeners": f"CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{client},INTERNAL://127.0.0.1:{internal}",
            "listener.security.protocol.map": f"CLIENT:{self.security.protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL", "controller.listener.names": "CONTROLLER",
            "auto.create.topics.enable": "false", "default.replication.factor": copies, "min.insync.replicas": in_sync,
            "group.initial.rebalance.delay.ms": 0, "group.min.session.timeout.ms": 1000,
            "group.consumer.min.session.timeout.ms": 1000, "group.consumer.min.heartbeat.interval.ms": 100,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            "log.retention.check.interval.ms": 1000, "log.initial.task.delay.ms": 1000,
            "broker.heartbeat.interval.ms": 500, "broker.session.timeout.ms": 3000,   # a killed broker is noticed in 3 s instead of 9
            "offsets.topic.replication.factor": copies, "offsets.topic.num.partitions": 5,
            "transaction.state.log.replication.factor": copies, "transaction.state.log.min.isr": in_sync, "transaction.state.log.num.partitions": 5,
            "share.coordinator.state.topic.replication.factor": copies, "share.coordinator.state.topic.min.isr": in_sync,
            "share.coordinator.state.topic.num.partitions": 5,
        }
        return properties | self._security_properties()

    def _security_properties(self) -> dict:
        properties = {}
        if self.security.mechanisms:
            properties["sasl.enabled.mechanisms"] = ",".join(self.security.mechanisms)
        for mechanism in self.security.mechanisms:
            module = (f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{self.username}="{self.password}";' if mechanism == "PLAIN"
                      else "org.apache.kafka.common.security.scram.ScramLoginModule required;")
            properties[f"listener.name.client.{mechanism.lower()}.sasl.jaas.config"] = module
        if self.security.tls:
            properties |= {
                "ssl.keystore.type": "PKCS12", "ssl.keystore.location": self.certificates.server_keystore,
                "ssl.keystore.password": self.certificates.password, "ssl.truststore.type": "PEM", "ssl.truststore.location": self.certificates.ca,
                "ssl.client.auth": "required" if self.security.client_certificate else "none",
            }
        return properties

    def _format(self) -> None:
        """Writes the cluster's id and the users of SCRAM into each broker's folder."""
        identity = "m" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        users = [word for mechanism in self.security.mechanisms if mechanism.startswith("SCRAM")
                 for word in ("--add-scram", f"{mechanism}=[name={self.username},password={self.password}]")]
        tool = [*jars.java(), "-cp", jars.class_path(JARS[self.version]), "kafka.tools.StorageTool", "format", "-t", identity, *users, "-c"]
        running = [subprocess.Popen([*tool, str(self._file(node))], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                   for node in self._ports]
        for process in running:
            said, _ = process.communicate()
            if process.returncode != 0:
                raise EngineError(f"kafka: the storage could not be formatted: {said.strip()[-2000:]}")

    def _command(self, node: int) -> list:
        return [*jars.java(self.quick), f"-Xmx{self.heap}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-cp", jars.class_path(JARS[self.version]), "kafka.Kafka", self._file(node)]

    def _ready(self, node: int) -> bool:
        """The client listener accepts, and the broker knows every broker that should answer."""
        client, internal, _ = self._ports[node]
        return accepts("127.0.0.1", client) and self._answering() <= broker_ids(("127.0.0.1", internal))

    def _answering(self) -> set[int]:
        return {node for node in self.pids() if not self._processes[node].paused}
