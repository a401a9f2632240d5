"""As much of Cassandra's native protocol, version 4, as it takes to see that a server works and what is in a table.

doc/native_protocol_v4.spec of Cassandra describes the bytes. A frame is version (0x04, answers 0x84), flags, int16 stream, opcode, int32 length, body,
all big-endian; a [string] has an int16 length, a [long string] and [bytes] an int32 length (-1: null).
"""
import datetime
import ipaddress
import socket
import ssl
import struct
import time
import uuid

from .process import POLL, EngineError

ERROR, STARTUP, READY, AUTHENTICATE, OPTIONS, SUPPORTED, QUERY, RESULT, AUTH_RESPONSE, AUTH_SUCCESS = 0, 1, 2, 3, 5, 6, 7, 8, 15, 16
ROWS, SCHEMA_CHANGE = 2, 5   # kinds of RESULT
CONSISTENCY = {"ONE": 1, "QUORUM": 4, "ALL": 5}
GLOBAL_TABLE = 1          # flag of a result's metadata: keyspace and table are named once
TIMEOUT = 20              # seconds
AGREEMENT_TIMEOUT = 10    # seconds for all nodes to take over a change of the schema; a node that is down never does
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _number(layout):
    return lambda raw: struct.unpack(layout, raw)[0]


# The codes of the types whose values have no parts of their own; a value of any other type stays bytes.
PLAIN = {
    0x01: bytes.decode, 0x0A: bytes.decode, 0x0D: bytes.decode,                      # ascii, (text), varchar
    0x02: _number(">q"), 0x05: _number(">q"), 0x09: _number(">i"),                   # bigint, counter, int
    0x07: _number(">d"), 0x08: _number(">f"), 0x04: _number(">?"),                   # double, float, boolean
    0x0B: lambda raw: EPOCH + datetime.timedelta(milliseconds=_number(">q")(raw)),   # timestamp
    0x0C: lambda raw: uuid.UUID(bytes=raw), 0x0F: lambda raw: uuid.UUID(bytes=raw),  # uuid, timeuuid
    0x10: lambda raw: str(ipaddress.ip_address(raw)),                                # inet
    0x11: lambda raw: EPOCH.date() + datetime.timedelta(days=_number(">I")(raw) - 2**31),   # date
    0x13: _number(">h"), 0x14: _number(">b"),                                        # smallint, tinyint
}
NESTED = {0x00: "string", 0x20: 1, 0x21: 2, 0x22: 1}   # custom (a class name); list, map, set: how many types follow


class Reader:
    """Takes the fields of a body one by one."""

    def __init__(self, raw: bytes):
        self.raw, self.at = raw, 0

    def take(self, layout: str):
        value = struct.unpack_from(layout, self.raw, self.at)[0]
        self.at += struct.calcsize(layout)
        return value

    def bytes(self, length: int) -> bytes | None:
        if length < 0:
            return None
        self.at += length
        return self.raw[self.at - length:self.at]

    def string(self) -> str:
        return self.bytes(self.take(">H")).decode()

    def type(self):
        """The function that reads a value of the type described here."""
        code = self.take(">H")
        nested = NESTED.get(code, 0)
        if nested == "string":
            self.string()
        else:
            for _ in range(nested):
                self.type()
        return PLAIN.get(code, bytes)


class Connection:
    """One connection; a context manager. Errors of the server are an EngineError with its message."""

    def __init__(self, address: str, port: int, tls: ssl.SSLContext | None = None, username: str | None = None, password: str | None = None):
        self._where = f"{address}:{port}"
        self._socket = socket.create_connection((address, port), timeout=TIMEOUT)
        try:
            if tls is not None:
                self._socket = tls.wrap_socket(self._socket, server_hostname=address)
            self._log_in(username, password)
        except BaseException:
            self.close()
            raise

    def _log_in(self, username, password) -> None:
        opcode, _ = self._ask(STARTUP, struct.pack(">H", 1) + self._string("CQL_VERSION") + self._string("3.0.0"))
        if opcode == AUTHENTICATE:
            token = f"\0{username or ''}\0{password or ''}".encode()
            opcode, _ = self._ask(AUTH_RESPONSE, struct.pack(">i", len(token)) + token)
        if opcode not in (READY, AUTH_SUCCESS):
            raise EngineError(f"cassandra at {self._where} answered STARTUP with opcode {opcode}")

    def options(self) -> dict[str, list[str]]:
        """What the server supports (the answer to OPTIONS)."""
        opcode, body = self._ask(OPTIONS, b"")
        if opcode != SUPPORTED:
            raise EngineError(f"cassandra at {self._where} answered OPTIONS with opcode {opcode}")
        return {body.string(): [body.string() for _ in range(body.take(">H"))] for _ in range(body.take(">H"))}

    def query(self, text: str, consistency: str = "QUORUM") -> list[dict]:
        """Runs a statement: its rows, column name -> value; none when it has no rows. After a change of the schema it waits
        until all nodes have it."""
        raw = text.encode()
        _, body = self._ask(QUERY, struct.pack(">i", len(raw)) + raw + struct.pack(">HB", CONSISTENCY[consistency], 0))
        kind = body.take(">i")
        if kind == SCHEMA_CHANGE:
            self._wait_for_agreement()
        return self._rows(body) if kind == ROWS else []

    def schema_versions(self) -> set[uuid.UUID]:
        """The versions of the schema that this node knows of, its own and those of its peers; one when all agree."""
        return {row["schema_version"] for table in ("local", "peers") for row in self.query(f"SELECT schema_version FROM system.{table}")}

    def _wait_for_agreement(self) -> None:
        deadline = time.monotonic() + AGREEMENT_TIMEOUT
        while len(self.schema_versions()) > 1 and time.monotonic() < deadline:
            time.sleep(POLL)

    def _rows(self, body: Reader) -> list[dict]:
        flags, count = body.take(">i"), body.take(">i")
        if flags & GLOBAL_TABLE:
            body.string(), body.string()
        columns = [self._column(body, flags) for _ in range(count)]
        return [self._row(body, columns) for _ in range(body.take(">i"))]

    @staticmethod
    def _column(body: Reader, flags: int):
        if not flags & GLOBAL_TABLE:
            body.string(), body.string()
        return body.string(), body.type()

    @staticmethod
    def _row(body: Reader, columns) -> dict:
        values = {name: (body.bytes(body.take(">i")), read) for name, read in columns}
        return {name: None if raw is None else read(raw) for name, (raw, read) in values.items()}

    @staticmethod
    def _string(text: str) -> bytes:
        return struct.pack(">H", len(text.encode())) + text.encode()

    def _ask(self, opcode: int, body: bytes) -> tuple[int, Reader]:
        self._socket.sendall(struct.pack(">BBhBi", 4, 0, 0, opcode, len(body)) + body)
        _, _, _, answered, length = struct.unpack(">BBhBi", self._receive(9))
        answer = Reader(self._receive(length))
        if answered == ERROR:
            code = answer.take(">i")
            raise EngineError(f"cassandra at {self._where}: error 0x{code:04x}: {answer.string()}")
        return answered, answer

    def _receive(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            if not part:
                raise EngineError(f"cassandra at {self._where} closed the connection")
            received += part
        return bytes(received)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.close()
