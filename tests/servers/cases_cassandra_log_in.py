"""Cassandra that asks for a password and speaks TLS."""
import pathlib
import time

from engines.cassandra import Cassandra
from engines.certificates import Certificates

SECRET = "wrong-secret-4711"


def test_password_and_tls(meterline):
    with Cassandra(auth=True, tls=True) as cassandra:
        meterline("replay", "-t", "synthetic", "--series", 8, "--duration", "10m")
        place = f"{cassandra.contact_points}/guarded"
        tls = ("-X", f"cassandra.ssl.ca.location={cassandra.certificates.ca}", "-X", "cassandra.consistency=ONE")
        right = ("--store", f"cassandra://{cassandra.username}:{cassandra.password}@{place}", *tls)
        meterline("run", "--final", *right)
        assert len(meterline.rows(600, *right)) == 8
        apart = ("--store", f"cassandra://{place}", *tls, "-X", f"cassandra.username={cassandra.username}", "-X", f"cassandra.password={cassandra.password}")
        assert meterline.query(600, *apart) == meterline.query(600, *right)
        begin = time.monotonic()
        _, text = meterline("run", "--final", "--group", "b", "--store", f"cassandra://{cassandra.username}:{SECRET}@{place}", *tls, status=1)
        assert SECRET not in text and time.monotonic() - begin < 40, text
        other = Certificates(pathlib.Path(meterline.folder) / "other")
        meterline("query", "--store", f"cassandra://{cassandra.username}:{cassandra.password}@{place}", "-X", f"cassandra.ssl.ca.location={other.ca}", status=1, says="ertificate")
        meterline("query", "--store", f"cassandra://{cassandra.username}:{cassandra.password}@{place}", status=1)
        run = meterline.start("run", "--group", "seen", *right)
        time.sleep(1)
        seen = pathlib.Path(f"/proc/{run.pid}/cmdline").read_bytes().decode()
        assert cassandra.password + "@" not in seen, seen
        run.terminate()
        run.communicate(timeout=30)
        assert run.returncode == 0
