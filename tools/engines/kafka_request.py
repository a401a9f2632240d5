"""Two requests to Kafka that no small tool makes: Metadata version 1 and CreateTopics version 4, over plain text.

https://kafka.apache.org/protocol describes the bytes. A request is int32 length, int16 API key, int16 version, int32 correlation id, nullable string
client id, body; an answer is int32 length, int32 correlation id, body. A string is an int16 length and its bytes (length -1: null), an array an int32
count and its elements, all big-endian.
"""
import socket
import struct

from .process import EngineError

METADATA, CREATE_TOPICS = (3, 1), (19, 4)   # API key, version
TIMEOUT = 30        # seconds a topic may take
QUICK_TIMEOUT = 2   # seconds for an answer of a broker that is up


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">h", len(raw)) + raw


def _array(elements) -> bytes:
    return struct.pack(">i", len(elements)) + b"".join(elements)


class Reader:
    """Takes the fields of an answer one by one."""

    def __init__(self, raw: bytes):
        self.raw, self.at = raw, 0

    def take(self, layout: str):
        values = struct.unpack_from(layout, self.raw, self.at)
        self.at += struct.calcsize(layout)
        return values[0] if len(values) == 1 else values

    def string(self) -> str:
        length = max(self.take(">h"), 0)
        self.at += length
        return self.raw[self.at - length:self.at].decode()


def _receive(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            raise ConnectionError("the broker closed the connection before it had answered")
        received += part
    return bytes(received)


def _ask(address, api: tuple[int, int], body: bytes, timeout: float) -> Reader:
    request = struct.pack(">hhi", *api, 1) + _string("meterline-engines") + body
    with socket.create_connection(address, timeout=timeout) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = Reader(_receive(connection, struct.unpack(">i", _receive(connection, 4))[0]))
    answer.take(">i")
    return answer


def broker_ids(address) -> set[int]:
    """The brokers that this one knows to be alive; none when it does not answer."""
    try:
        answer = _ask(address, METADATA, _array([]), QUICK_TIMEOUT)
    except OSError:
        return set()
    found = set()
    for _ in range(answer.take(">i")):
        found.add(answer.take(">i"))
        answer.string()   # host
        answer.take(">i")   # port
        answer.string()   # rack
    return found


def create_topic(address, name: str, partitions: int, replication: int, config: dict) -> None:
    """An EngineError with Kafka's own message when it refuses."""
    settings = _array([_string(key) + _string(str(value)) for key, value in config.items()])
    topic = _string(name) + struct.pack(">ih", partitions, replication) + _array([]) + settings
    answer = _ask(address, CREATE_TOPICS, _array([topic]) + struct.pack(">i?", TIMEOUT * 1000, False), TIMEOUT)
    answer.take(">ii")   # throttle time, number of topics
    answer.string()
    error = answer.take(">h")
    if error != 0:
        raise EngineError(f"kafka did not create topic {name}: error {error} {answer.string()}")
