"""Certificates for tests: a CA of its own, a server's certificate for localhost and 127.0.0.1 to 127.0.0.9, and a client's, all made by openssl.

Everything is in one folder: ca.pem; server.pem and server-key.pem; client.pem and client-key.pem; server.p12 and client.p12 (key, certificate and CA,
for Java; with `PASSWORD`). Two of these do not trust each other.
"""
import pathlib
import subprocess

from .common import program
from .process import EngineError

PASSWORD = "meterline-secret"
VALID_DAYS = "30"
NAMES = ",".join(["DNS:localhost", *(f"IP:127.0.0.{node}" for node in range(1, 10))])


class Certificates:
    """`ca`, `server_certificate`, `server_key`, `client_certificate`, `client_key`, `server_keystore`, `client_keystore`: paths; `password`: of the keystores."""

    def __init__(self, folder):
        self.folder, self.password = pathlib.Path(folder), PASSWORD
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca, self._ca_key = self.folder / "ca.pem", self.folder / "ca-key.pem"
        self._openssl("req", "-x509", *self._key(self._ca_key), "-subj", "/CN=meterline test CA", "-days", VALID_DAYS, "-out", self.ca)
        self.server_certificate, self.server_key, self.server_keystore = self._signed("server", "serverAuth")
        self.client_certificate, self.client_key, self.client_keystore = self._signed("client", "clientAuth")

    @staticmethod
    def _key(path):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path

    def _signed(self, name: str, usage: str):
        certificate, key, keystore = (self.folder / f"{name}{end}" for end in (".pem", "-key.pem", ".p12"))
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.extensions"
        extensions.write_text(f"subjectAltName={NAMES}\nextendedKeyUsage={usage}\nbasicConstraints=critical,CA:FALSE\n")
        self._openssl("req", *self._key(key), "-subj", f"/CN=meterline test {name}", "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._ca_key, "-CAcreateserial", "-days", VALID_DAYS,
                      "-extfile", extensions, "-out", certificate)
        self._openssl("pkcs12", "-export", "-in", certificate, "-inkey", key, "-certfile", self.ca, "-name", name,
                      "-passout", f"pass:{self.password}", "-out", keystore)
        return certificate, key, keystore

    def _openssl(self, *words) -> None:
        done = subprocess.run([program("openssl"), *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=self.folder)
        if done.returncode != 0:
            raise EngineError(f"openssl {words[0]}: {done.stderr.strip()[-1000:]}")
