"""A client of MQTT that says what it is told to, right or wrong, and reads what comes back."""
import socket

CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 5, 6, 7, 9, 13, 14


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return len(value).to_bytes(2, "big") + value


def packet(head, body):
    length, left = b"", len(body)
    while True:
        left, digit = divmod(left, 128)
        length += bytes([digit | (128 if left else 0)])
        if not left:
            return bytes([head]) + length + body


class Mqtt:
    def __init__(self, port, client="client", version=4, keep_alive=60, password=None, timeout=60, connect=True):
        self.version, self.heard = version, b""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        if connect:
            flags = 2 | (0xC0 if password is not None else 0)
            credentials = text("user") + text(password) if password is not None else b""
            properties = b"\0" if version == 5 else b""
            self.send(packet(0x10, text("MQTT") + bytes([version, flags]) + keep_alive.to_bytes(2, "big") + properties + text(client) + credentials))
            kind, body = self.read()
            assert kind == CONNACK, kind
            self.code = body[1]

    def send(self, data):
        self.socket.sendall(data)

    def publish(self, topic, payload, qos=1, number=1, dup=False):
        head = 0x30 | qos << 1 | (8 if dup else 0)
        payload = payload.encode() if isinstance(payload, str) else payload
        self.send(packet(head, text(topic) + (number.to_bytes(2, "big") if qos else b"") + (b"\0" if self.version == 5 else b"") + payload))

    def more(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError
        self.heard += piece

    def read(self):
        """Type and body of the next packet; EOFError when the server has closed."""
        while True:
            length, shift, at = 0, 0, 1
            while at < len(self.heard):
                length |= (self.heard[at] & 127) << shift
                shift, at = shift + 7, at + 1
                if not self.heard[at - 1] & 128:
                    if len(self.heard) < at + length:
                        break
                    kind, body = self.heard[0] >> 4, self.heard[at:at + length]
                    self.heard = self.heard[at + length:]
                    return kind, body
            self.more()

    def closed(self):
        """Waits until the server has closed; the packets before that."""
        packets = []
        try:
            while True:
                packets.append(self.read())
        except (EOFError, ConnectionError):
            return packets

    def close(self):
        self.socket.close()
