"""What stands between a client and meterline in the tests of faults: clients that come again until they are answered, and a proxy that cuts."""
import http.client
import socket
import threading
import time


class Sender(threading.Thread):
    """Posts readings with values of its own, each until it is acknowledged, with one Idempotency-Key a batch; `acknowledged` is what was."""

    def __init__(self, address, number, batch=5, patience=60):
        super().__init__(daemon=True)
        self.address, self.number, self.batch, self.patience = address, number, batch, patience
        self.acknowledged, self.sent, self.retries, self.failure, self.stopping = [], 0, 0, None, False

    def body(self, first):
        return "".join(f"readings,gateway=gw{self.number} voltage={self.number * 1_000_000 + first + i} {1_700_000_000_000 + first + i}\n" for i in range(self.batch))

    def post(self, first):
        host, port = self.address()
        connection = http.client.HTTPConnection(host, port, timeout=20)
        try:
            connection.request("POST", "/write?precision=ms", self.body(first), {"Idempotency-Key": f"{self.number}-{first}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def deliver(self, first):
        until = time.monotonic() + self.patience
        while time.monotonic() < until:
            try:
                status = self.post(first)
            except (OSError, http.client.HTTPException):
                status = 503
            if status == 204:
                self.acknowledged += [self.number * 1_000_000 + first + i for i in range(self.batch)]
                return True
            if status not in (502, 503, 504):
                self.failure = f"status {status}"
                return False
            self.retries += 1
            time.sleep(0.01)
            if self.stopping:
                return False   # what was under way may be stored or not
        self.failure = "it is not taken"
        return False

    def run(self):
        while not self.stopping:
            self.sent += self.batch
            if not self.deliver(self.sent - self.batch):
                return

    def stop(self):
        self.stopping = True
        self.join(60)
        assert not self.is_alive() and not self.failure, self.failure


class CuttingProxy(threading.Thread):
    """Passes each request on and, as long as `cuts` says so, takes the answer and drops the connection instead of giving it back."""

    def __init__(self, address, cuts):
        super().__init__(daemon=True)
        self.address, self.cuts, self.cut = address, cuts, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def request(client):
        text = b""
        while b"\r\n\r\n" not in text:
            piece = client.recv(65536)
            if not piece:
                return b""
            text += piece
        head, body = text.split(b"\r\n\r\n", 1)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += client.recv(65536)
        return head + b"\r\n\r\n" + body

    def serve(self, client):
        with client:
            text = self.request(client)
            if not text:
                return
            with socket.create_connection(self.address(), timeout=20) as server:
                server.sendall(text)
                answer = server.recv(65536)
            if self.cuts(self.cut):
                self.cut += 1
                return   # after the commit, before the answer
            client.sendall(answer)

    def close(self):
        self.listener.close()
