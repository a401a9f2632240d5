"""The schema registry over HTTP, and the proxy that asks for a log-in, speaks TLS, fails and counts."""
import base64
import http.client
import json
import pathlib
import ssl
import tempfile
import urllib.error
import urllib.request

from engines.certificates import Certificates
from engines.registry import SchemaRegistry
from engines.registry_proxy import RegistryProxy
from expect import running

SCHEMA = {"type": "record", "name": "Reading", "fields": [{"name": "value", "type": "double"}]}
OTHER = {"type": "record", "name": "Reading", "fields": [{"name": "value", "type": "string"}]}
BASIC = "Basic " + base64.b64encode(b"reader:secret").decode()


def status(action) -> int:
    try:
        action()
        return 200
    except urllib.error.HTTPError as refused:
        return refused.code


def get(url: str, authorization: str | None = None, tls: ssl.SSLContext | None = None, timeout: float = 10):
    """(status, body); None when no answer comes."""
    request = urllib.request.Request(url, headers={"Authorization": authorization} if authorization else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout, context=tls) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()
    except (OSError, http.client.HTTPException):
        return None


def test_registry():
    with running(SchemaRegistry()) as registry:
        number = registry.register("metrics-value", SCHEMA)
        assert registry.register("metrics-value", json.dumps(SCHEMA)) == number
        assert json.loads(registry.request(f"schemas/ids/{number}")["schema"]) == SCHEMA
        assert registry.request("subjects") == ["metrics-value"]
        assert registry.request("subjects/metrics-value/versions/latest")["id"] == number
        assert status(lambda: registry.register("metrics-value", OTHER)) == 409
        assert status(lambda: registry.request("schemas/ids/9999")) == 404
        check_log_in(registry, number)
        check_tls(registry, number)
        check_faults(registry, number)


def check_log_in(registry, number):
    path = f"/schemas/ids/{number}"
    with RegistryProxy(registry.url, username="reader", password="secret", bearer="token") as proxy:
        for authorization, expected in ((None, 401), (BASIC, 200), ("Bearer token", 200), ("Bearer other", 401), (BASIC[:-2], 401)):
            assert get(proxy.url + path, authorization)[0] == expected, f"{authorization}: expected {expected}"
        assert json.loads(json.loads(get(proxy.url + path, BASIC)[1])["schema"]) == SCHEMA
        assert proxy.requests == {f"GET {path}": 6}, proxy.requests


def check_tls(registry, number):
    path = f"/schemas/ids/{number}"
    with tempfile.TemporaryDirectory() as folder:
        ours, others = (Certificates(pathlib.Path(folder) / name) for name in ("ours", "others"))
        trusting, shown = (ssl.create_default_context(cafile=ours.ca) for _ in range(2))
        shown.load_cert_chain(ours.client_certificate, ours.client_key)
        with RegistryProxy(registry.url, certificates=ours) as proxy:
            assert proxy.url.startswith("https://") and get(proxy.url + path, tls=trusting)[0] == 200
            assert get(proxy.url + path, tls=ssl.create_default_context(cafile=others.ca)) is None
        with RegistryProxy(registry.url, certificates=ours, client_certificate=True) as proxy:
            assert get(proxy.url + path, tls=shown)[0] == 200 and get(proxy.url + path, tls=trusting) is None


def check_faults(registry, number):
    with RegistryProxy(registry.url, fail_with=503) as proxy:
        url = f"{proxy.url}/schemas/ids/{number}"
        assert get(url) == (503, b"<html>out of order</html>")
        proxy.fail_with = "close"
        assert get(url) is None
        proxy.fail_with = "hang"
        assert get(url, timeout=0.5) is None
        proxy.fail_with = None
        assert get(url)[0] == 200 and sum(proxy.requests.values()) == 4
        registry.kill_node()
        assert get(url)[0] == 502
