"""Hortonworks Schema Registry, which speaks Confluent's API below /api/v1/confluent. It keeps schemas in memory: a restart forgets them.

It has subjects, versions, ids and the check of compatibility (409), but neither /config nor /compatibility. For TLS, log-in and faults put a
RegistryProxy in front.
"""
import json
import urllib.request

from . import jars
from .common import Engine, free_ports

PACKAGE = "com.hortonworks.registries"
PATH = "/api/v1/confluent"
OPENS = [word for package in ("lang", "util") for word in ("--add-opens", f"java.base/java.{package}=ALL-UNNAMED")]


class SchemaRegistry(Engine):
    """`url`: the base of the API, with its path."""
    name = "registry"

    def __init__(self, port: int | None = None, folder=None, heap: str = "256m", detached: bool = False):
        super().__init__(1, folder, detached)
        self.heap, self._port = heap, port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PATH}"

    def _prepare(self) -> None:
        port, admin_port = free_ports(2)
        self._port = self._port or port
        serdes = f"{PACKAGE}.schemaregistry.serdes.avro"
        module = {
            "name": "schema-registry", "className": f"{PACKAGE}.schemaregistry.webservice.SchemaRegistryModule",
            "config": {
                "schemaProviders": [{"providerClass": f"{PACKAGE}.schemaregistry.avro.AvroSchemaProvider", "hashFunction": "MD5",
                                     "defaultSerializerClass": f"{serdes}.AvroSnapshotSerializer",
                                     "defaultDeserializerClass": f"{serdes}.AvroSnapshotDeserializer"}],
                "customSchemaStateExecutor": {"className": f"{PACKAGE}.schemaregistry.state.DefaultCustomSchemaStateExecutor", "props": {}},
            },
        }
        self._file.write_text(json.dumps({   # JSON is YAML
            "modules": [module],
            "fileStorageConfiguration": {"className": f"{PACKAGE}.common.util.LocalFileSystemStorage", "properties": {"directory": str(self.folder / "files")}},
            "storageProviderConfiguration": {"providerClass": f"{PACKAGE}.storage.impl.memory.InMemoryStorageManager"},
            "swagger": {"resourcePackage": PACKAGE},
            "server": {"applicationConnectors": [{"type": "http", "port": self._port, "bindHost": "127.0.0.1"}],
                       "adminConnectors": [{"type": "http", "port": admin_port, "bindHost": "127.0.0.1"}]},
            "logging": {"level": "WARN"},
        }, indent=1))

    @property
    def _file(self):
        return self.folder / "registry.yaml"

    def _command(self, node: int) -> list:
        return [*jars.java(), *OPENS, f"-Xmx{self.heap}", "-cp", jars.class_path("registry"), f"{PACKAGE}.webservice.RegistryApplication", "server", self._file]

    def _ready(self, node: int) -> bool:
        try:
            return isinstance(self.request("subjects"), list)
        except (OSError, ValueError):
            return False

    def request(self, path: str, body=None):
        """GET, or POST of `body`, below `url`: what the answer's JSON says. urllib's HTTPError on any other status than 200."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.url}/{path}", data, {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    def register(self, subject: str, schema) -> int:
        """The id of an Avro schema (a JSON text, or what it says) under a subject."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        return self.request(f"subjects/{subject}/versions", {"schema": text})["id"]
