"""Apache Kafka (KRaft): one broker or several, each of which is controller as well.

    with Kafka(brokers=3, config={"log.retention.check.interval.ms": "1000"}, security="sasl_tls") as kafka:
        kafka.bootstrap, kafka.kill_broker(2), kafka.start_broker(2)

security: None; "sasl_plain" (user meterline, password meterline-secret), "scram" (SCRAM-SHA-256, the same user), "tls", "mtls", "sasl_tls"."""
import signal
import subprocess

from . import certificates
from .common import Engine, EngineError, Process, accepts, free_ports, jars

USER, PASSWORD = "meterline", "meterline-secret"
STORE_PASSWORD = "store-secret"
PROTOCOLS = {None: "PLAINTEXT", "sasl_plain": "SASL_PLAINTEXT", "scram": "SASL_PLAINTEXT", "tls": "SSL", "mtls": "SSL", "sasl_tls": "SASL_SSL"}


class Kafka(Engine):
    def __init__(self, brokers=1, folder=None, port=None, heap="400m", config=None, security=None, detached=False):
        super().__init__(folder, detached)
        self.jars = jars("kafka")
        self.security, self.heap, self.config = security, heap, config or {}
        ports = free_ports(brokers * 2 + 1)
        self.ports = [port + i for i in range(brokers)] if port else ports[:brokers]
        self.controllers = ports[brokers:2 * brokers]
        self.certificates = certificates.make(self.folder / "certificates", STORE_PASSWORD) if security in ("tls", "mtls", "sasl_tls") else None
        self.brokers = {}
        self._format()
        try:
            for number in range(1, brokers + 1):
                self._launch(number)
            for number in range(1, brokers + 1):
                self._await(number)
        except EngineError:
            self.close()
            raise

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def processes(self):
        return self.brokers.values()

    def _properties(self, number):
        count, protocol = len(self.ports), PROTOCOLS[self.security]
        replicas = min(3, count)
        values = {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": ",".join(f"{i + 1}@127.0.0.1:{port}" for i, port in enumerate(self.controllers)),
            "listeners": f"CLIENTS://127.0.0.1:{self.ports[number - 1]},CONTROLLER://127.0.0.1:{self.controllers[number - 1]}",
            "advertised.listeners": f"CLIENTS://127.0.0.1:{self.ports[number - 1]}",
            "listener.security.protocol.map": f"CLIENTS:{protocol},CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "CLIENTS",
            "log.dirs": self.folder / f"data-{number}",
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 5,
            "transaction.state.log.num.partitions": 5,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": 2 if replicas == 3 else 1,
            "default.replication.factor": replicas,
            "min.insync.replicas": 2 if replicas == 3 else 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "auto.create.topics.enable": "false",
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            "log.segment.delete.delay.ms": 1000,
        }
        values.update(self._security_properties())
        values.update(self.config)
        return "".join(f"{name}={value}\n" for name, value in values.items())

    def _security_properties(self):
        if self.security in ("tls", "mtls", "sasl_tls"):
            values = {
                "ssl.keystore.type": "PKCS12", "ssl.keystore.location": self.certificates.server_store, "ssl.keystore.password": STORE_PASSWORD,
                "ssl.truststore.type": "PEM", "ssl.truststore.location": self.certificates.ca,
                "ssl.client.auth": "required" if self.security == "mtls" else "none",
            }
        else:
            values = {}
        plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{USER}" password="{PASSWORD}" user_{USER}="{PASSWORD}";'
        scram = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{USER}" password="{PASSWORD}";'
        if self.security in ("sasl_plain", "sasl_tls"):
            values |= {"sasl.enabled.mechanisms": "PLAIN", "sasl.mechanism.inter.broker.protocol": "PLAIN", "listener.name.clients.plain.sasl.jaas.config": plain}
        if self.security == "scram":
            values |= {"sasl.enabled.mechanisms": "SCRAM-SHA-256", "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-256",
                       "listener.name.clients.scram-sha-256.sasl.jaas.config": scram}
        return values

    def java(self, main, *arguments):
        return ["java", f"-Xmx{self.heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{self.jars}/*", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", main,
                *map(str, arguments)]

    def _format(self):
        uuid = "bWV0ZXJsaW5lLXRlc3RzMA"
        for number in range(1, len(self.ports) + 1):
            path = self.folder / f"server-{number}.properties"
            path.write_text(self._properties(number))
            scram = ["--add-scram", f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]"] if self.security == "scram" else []
            done = subprocess.run(self.java("kafka.tools.StorageTool", "format", "-t", uuid, "-c", path, *scram), capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise EngineError(f"kafka's storage cannot be formatted: {done.stdout[-800:]}{done.stderr[-800:]}")

    def _launch(self, number):
        self.brokers[number] = Process(self.java("kafka.Kafka", self.folder / f"server-{number}.properties"), self.folder / f"broker-{number}.log", detached=self.detached)

    def _await(self, number):
        port = self.ports[number - 1]
        self.brokers[number].wait_until(lambda: accepts(port), f"broker {number}")

    def stop_broker(self, number):
        self.brokers[number].stop()

    def kill_broker(self, number):
        self.brokers[number].kill()

    def start_broker(self, number):
        self._launch(number)
        self._await(number)

    def pause_broker(self, number):
        self.brokers[number].signal(signal.SIGSTOP)

    def resume_broker(self, number):
        self.brokers[number].signal(signal.SIGCONT)
