"""A schema registry (Hortonworks Registry, Confluent's API), and a proxy before it that can ask for credentials, fail, and count."""
import base64
import http.client
import http.server
import ssl
import threading

from .common import Engine, EngineError, Process, accepts, free_ports, jars

CONFIGURATION = """modules:
  - name: schema-registry
    className: com.hortonworks.registries.schemaregistry.webservice.SchemaRegistryModule
    config:
      schemaProviders:
        - providerClass: "com.hortonworks.registries.schemaregistry.avro.AvroSchemaProvider"
          defaultSerializerClass: "com.hortonworks.registries.schemaregistry.serdes.avro.AvroSnapshotSerializer"
          defaultDeserializerClass: "com.hortonworks.registries.schemaregistry.serdes.avro.AvroSnapshotDeserializer"
          hashFunction: "MD5"
      customSchemaStateExecutor:
        className: "com.hortonworks.registries.schemaregistry.state.DefaultCustomSchemaStateExecutor"
        props: {{}}
fileStorageConfiguration:
  className: "com.hortonworks.registries.common.util.LocalFileSystemStorage"
  properties:
    directory: "{folder}/files"
storageProviderConfiguration:
  providerClass: "com.hortonworks.registries.storage.impl.memory.InMemoryStorageManager"
swagger:
  resourcePackage: com.hortonworks.registries
server:
  applicationConnectors:
    - {{type: http, port: {port}, bindHost: 127.0.0.1}}
  adminConnectors:
    - {{type: http, port: {admin}, bindHost: 127.0.0.1}}
logging:
  level: WARN
"""


class SchemaRegistry(Engine):
    """`url` is the base of Confluent's API. Schemas live in memory: they are gone after a restart."""

    def __init__(self, folder=None, port=None, detached=False):
        super().__init__(folder, detached)
        ports = free_ports(2)
        self.port = port or ports[0]
        self.url = f"http://127.0.0.1:{self.port}/api/v1/confluent"
        configuration = self.folder / "registry.yaml"
        configuration.write_text(CONFIGURATION.format(folder=self.folder, port=self.port, admin=ports[1]))
        opens = [word for package in ("java.lang", "java.util") for word in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]
        self.process = Process(["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *opens, "-cp", f"{jars('registry')}/*",
                                "com.hortonworks.registries.webservice.RegistryApplication", "server", str(configuration)],
                               self.folder / "registry.log", cwd=self.folder, detached=detached)
        try:
            self.process.wait_until(self._answers, "the schema registry")
        except EngineError:
            self.close()
            raise

    def _answers(self):
        if not accepts(self.port):
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/api/v1/confluent/subjects")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def processes(self):
        return [self.process]


class RegistryProxy:
    """A reverse proxy in this process. `fail_with` (None, a status, or "hang") and `credentials` may be changed while it works; `requests` counts by method and path."""

    def __init__(self, target, username=None, password=None, bearer=None, certificates=None, client_certificate=False):
        self.target, self.fail_with, self.requests = target, None, {}
        self.authorization = None
        if username:
            self.authorization = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        if bearer:
            self.authorization = f"Bearer {bearer}"
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        scheme = "http"
        if certificates:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates.server, certificates.server_key)
            if client_certificate:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(certificates.ca)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def _handler(self):
        proxy = self
        host, _, path = proxy.target.removeprefix("http://").partition("/")

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self, status, body, kind="application/vnd.schemaregistry.v1+json"):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                key = f"{self.command} {self.path}"
                proxy.requests[key] = proxy.requests.get(key, 0) + 1
                if proxy.fail_with == "hang":
                    threading.Event().wait(60)
                if proxy.fail_with:
                    return self.answer(proxy.fail_with, b"<html>out of order</html>", "text/html")
                if proxy.authorization and self.headers.get("Authorization") != proxy.authorization:
                    return self.answer(401, b'{"error_code":40101,"message":"Unauthorized"}')
                connection = http.client.HTTPConnection(host, timeout=20)
                try:
                    connection.request(self.command, f"/{path}{self.path}", body or None, {"Content-Type": self.headers.get("Content-Type") or "application/json"})
                    response = connection.getresponse()
                    return self.answer(response.status, response.read(), response.headers.get("Content-Type") or "application/json")
                except OSError:
                    return self.answer(502, b"bad gateway", "text/plain")
                finally:
                    connection.close()

            do_GET = do_POST = forward

        return Handler
