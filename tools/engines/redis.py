"""Redis without persistence: a restart forgets everything.

The binary is that of Debian's redis-tools, which starts no service on the machine as redis-server does when it is installed. It is the same binary: one
that is called redis-check-rdb checks files, under any other name it is the server.
"""
import shutil
import socket

from .certificates import Certificates
from .common import Engine, free_ports, program
from .process import EngineError

TIMEOUT = 5   # seconds


class Redis(Engine):
    """`url`: redis://127.0.0.1:PORT, with the password where there is one. With `tls` also `tls_url`, rediss:// at a port of its own, and `certificates`."""
    name = "redis"

    def __init__(self, password: str | None = None, port: int | None = None, folder=None, detached: bool = False, tls: bool = False):
        super().__init__(1, folder, detached)
        self.password, self.port, self._tls, self.tls_port, self.certificates = password, port, tls, None, None

    @property
    def url(self) -> str:
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return self.url.replace("redis://", "rediss://").replace(f":{self.port}", f":{self.tls_port}")

    def _prepare(self) -> None:
        ports = free_ports(2)
        self.port, self.tls_port = self.port or ports[0], ports[1]
        self.certificates = Certificates(self.folder / "certificates") if self._tls else None
        self._server.symlink_to(shutil.which("redis-server") or program("redis-check-rdb"))

    @property
    def _server(self):
        return self.folder / "redis-server"

    def _command(self, node: int) -> list:
        password = ["--requirepass", self.password] if self.password else []
        tls = ["--tls-port", self.tls_port, "--tls-cert-file", self.certificates.server_certificate, "--tls-key-file", self.certificates.server_key,
               "--tls-ca-cert-file", self.certificates.ca, "--tls-auth-clients", "optional"] if self._tls else []
        return [self._server, "--bind", "127.0.0.1", "--port", self.port, "--dir", self.folder, "--save", "", "--appendonly", "no", *password, *tls]

    def _ready(self, node: int) -> bool:
        try:
            return self.command("PING") == "PONG"
        except (OSError, EngineError):
            return False

    def command(self, *words):
        """The answer to one command: str, int, None or a list of these. An EngineError with Redis's message when it refuses."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as connection, connection.makefile("rwb") as stream:
            if self.password:
                self._ask(stream, ("AUTH", self.password))
            return self._ask(stream, words)

    def command_in(self, database: int, *words):
        """The same in one of its databases."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT) as connection, connection.makefile("rwb") as stream:
            if self.password:
                self._ask(stream, ("AUTH", self.password))
            self._ask(stream, ("SELECT", database))
            return self._ask(stream, words)

    def _ask(self, stream, words):
        encoded = [str(word).encode() for word in words]
        stream.write(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
        stream.flush()
        return self._answer(stream)

    def _answer(self, stream):
        """One value of the protocol RESP2."""
        line = stream.readline()
        kind, text = line[:1], line[1:].strip().decode()
        if kind == b"-" or not line:
            raise EngineError(f"redis: {text or 'the connection was closed'}")
        if kind == b"+":
            return text
        if kind == b":":
            return int(text)
        if int(text) < 0:
            return None
        return stream.read(int(text) + 2)[:-2].decode() if kind == b"$" else [self._answer(stream) for _ in range(int(text))]
