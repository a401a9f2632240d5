"""Test certificates by openssl: an authority, a server's for 127.0.0.1 and localhost, a client's; in PEM, and the server's as PKCS12 for Java."""
import pathlib
import subprocess


class Certificates:
    def __init__(self, folder):
        self.ca = folder / "ca.pem"
        self.server, self.server_key, self.server_store = folder / "server.pem", folder / "server.key", folder / "server.p12"
        self.client, self.client_key = folder / "client.pem", folder / "client.key"


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def signed(folder, name, ca_key, extensions):
    request, extra = folder / f"{name}.csr", folder / f"{name}.ext"
    extra.write_text(extensions)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / f"{name}.key", "-out", request, "-subj", f"/CN={name}")
    openssl("x509", "-req", "-in", request, "-CA", folder / "ca.pem", "-CAkey", ca_key, "-CAcreateserial", "-days", "30", "-extfile", extra, "-out", folder / f"{name}.pem")


def make(folder, store_password):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    files = Certificates(folder)
    ca_key = folder / "ca.key"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", ca_key, "-out", files.ca, "-days", "30", "-subj", "/CN=meterline test authority")
    signed(folder, "server", ca_key, "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2\n")
    signed(folder, "client", ca_key, "extendedKeyUsage=clientAuth\n")
    openssl("pkcs12", "-export", "-in", files.server, "-inkey", files.server_key, "-certfile", files.ca, "-out", files.server_store, "-passout", f"pass:{store_password}")
    return files
