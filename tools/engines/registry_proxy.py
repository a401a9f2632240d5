"""A reverse proxy in front of a schema registry, in a thread of the test: it asks for a log-in, speaks TLS, fails on purpose, and counts requests.

Its own URL has no path: GET /schemas/ids/1 is sent to TARGET/schemas/ids/1, as with a registry that lies at the root of its host.
"""
import base64
import collections
import http.server
import ssl
import threading
import urllib.error
import urllib.request

from .common import free_ports

HANG, CLOSE = "hang", "close"
TARGET_TIMEOUT = 30   # seconds


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    def _serve(self):
        proxy: RegistryProxy = self.server.proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy.count(self.command, self.path)
        fault = proxy.fail_with
        if fault == HANG:
            proxy.closing.wait()
        if fault in (HANG, CLOSE):
            self.close_connection = True
        elif fault is not None:
            self._answer(fault, b"<html>out of order</html>", "text/html")
        elif not proxy.admits(self.headers.get("Authorization")):
            self._answer(401, b'{"error_code":40101,"message":"Unauthorized"}')
        else:
            self._answer(*proxy.forward(self.command, self.path, body, self.headers.get("Content-Type")))

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _answer(self, status: int, body: bytes, kind: str = "application/vnd.schemaregistry.v1+json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class RegistryProxy:
    """`target`: the registry's URL. A log-in is asked for with `username` and `password` (Basic), or `bearer` (a token), or either when both are given.
    `certificates`: a Certificates, for https; with `client_certificate` the client must show one that its CA signed.
    `fail_with` may be changed at any time: None, an HTTP status (with a page of HTML: the word of somebody in between, not of a registry), "hang" (no
    answer until the proxy closes) or "close" (the connection ends without one).
    `url`: what clients use. `requests`: a Counter of "METHOD /path", also of those that failed or were refused."""

    def __init__(self, target: str, username: str | None = None, password: str | None = None, bearer: str | None = None, certificates=None,
                 client_certificate: bool = False, fail_with: int | str | None = None, port: int | None = None):
        self.target, self.fail_with, self.closing = target.rstrip("/"), fail_with, threading.Event()
        self.requests: collections.Counter = collections.Counter()
        self._counting = threading.Lock()
        self._admitted = set()
        if username is not None:
            self._admitted.add("Basic " + base64.b64encode(f"{username}:{password or ''}".encode()).decode())
        if bearer is not None:
            self._admitted.add(f"Bearer {bearer}")
        self._certificates, self._client_certificate, self._port = certificates, client_certificate, port
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._certificates else 'http'}://127.0.0.1:{self._port}"

    def start(self):
        self._port = self._port or free_ports(1)[0]
        self.closing.clear()
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._server.proxy = self
        if self._certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificates.server_certificate, self._certificates.server_key)
            if self._client_certificate:
                context.load_verify_locations(self._certificates.ca)
                context.verify_mode = ssl.CERT_REQUIRED
            # The handshake is done by the connection's own thread, at its first read: a silent client does not hold up the others.
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        self.closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    def count(self, method: str, path: str) -> None:
        with self._counting:
            self.requests[f"{method} {path}"] += 1

    def admits(self, authorization: str | None) -> bool:
        return not self._admitted or authorization in self._admitted

    def forward(self, method: str, path: str, body: bytes, kind: str | None) -> tuple[int, bytes, str]:
        """The target's status, body and content type; 502 when it cannot be reached."""
        asked = urllib.request.Request(self.target + path, body or None, {"Content-Type": kind} if kind else {}, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=TARGET_TIMEOUT) as answer:
                return answer.status, answer.read(), answer.headers.get("Content-Type", "")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read(), refused.headers.get("Content-Type", "")
        except OSError as problem:
            return 502, b'{"error_code":502,"message":"the registry behind the proxy: %s"}' % str(problem).replace('"', "'").encode(), "application/json"
