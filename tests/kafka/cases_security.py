"""Log-ins, TLS and what must not be seen: the secrets."""
import os
import pathlib
import time

from program import KafkaProgram
from engines.kafka import Kafka
from engines.registry_proxy import RegistryProxy
from engines.certificates import Certificates

SOURCE = ("-t", "synthetic", "--series", 8, "--duration", "5m")
SECRET = "wrong-secret-7391"


def properties(values):
    return [word for name, value in values.items() for word in ("-X", f"{name}={value}")]


def on(meterline, kafka):
    return KafkaProgram(meterline.binary, meterline.folder, kafka.bootstrap, meterline.environment["METERLINE_REGISTRY"])


def works(program, *words):
    program("replay", *SOURCE, *words)
    program("run", "--final", "--reset", "--yes", *words)
    assert len(program.rows(60)) == 8 * 5
    assert "metrics" in program("topics", "--format", "json", *words)[0]


def is_refused(program, *words, secret=SECRET, says="refuses the connection"):
    begin = time.monotonic()
    _, text = program("run", "--until-end", "-v", *words, status=1, says=says)
    assert secret not in text, text
    assert time.monotonic() - begin < 60, "it should have stopped at once"


def test_log_in(meterline):
    for security in ("sasl_plain", "scram"):
        with Kafka(security=security) as kafka:
            program = on(meterline, kafka)
            works(program, *properties(kafka.client))
            is_refused(program, *properties({**kafka.client, "sasl.password": SECRET}), "-X", "debug=security,broker")
            rest = {name: value for name, value in kafka.client.items() if name != "sasl.password"}
            config = program.file("kafka.conf", "# a comment\n" + "".join(f"{name} = {value}\n" for name, value in kafka.client.items()))
            works(program, "--config", config)
            program.environment["METERLINE_KAFKA_SASL_PASSWORD"] = kafka.password
            works(program, *properties(rest))
            os.environ.pop("METERLINE_KAFKA_SASL_PASSWORD")


def test_tls(meterline):
    for security in ("tls", "mtls", "sasl_tls"):
        with Kafka(security=security) as kafka:
            program = on(meterline, kafka)
            works(program, *properties(kafka.client))
            other = Certificates(pathlib.Path(program.folder) / f"other-{security}")
            is_refused(program, *properties({**kafka.client, "ssl.ca.location": other.ca}))
            if security == "mtls":
                without = {name: value for name, value in kafka.client.items() if not name.startswith(("ssl.certificate", "ssl.key"))}
                begin = time.monotonic()
                program("run", "--until-end", *properties(without), status=1)
                assert time.monotonic() - begin < 60


def command_line(process):
    return pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()


def test_secrets_are_not_in_the_process_list(meterline):
    meterline("replay", *SOURCE)
    meterline.environment.pop("METERLINE_REGISTRY")
    registry = os.environ.pop("METERLINE_REGISTRY")
    run = meterline.start("run", "-X", f"ssl.key.password={SECRET}", "-X", "client.id=shown", "--registry", registry.replace("http://", f"http://somebody:{SECRET}@"))
    meterline.wait_for(lambda: meterline.lag("run") is not None, "the run works")
    seen = command_line(run)
    assert SECRET not in seen and "client.id=shown" in seen, seen
    run.terminate()
    _, text = run.communicate(timeout=30)
    assert SECRET not in text
    meterline.environment["METERLINE_REGISTRY"] = registry


def test_registry_asks_for_credentials(meterline):
    direct = meterline.environment["METERLINE_REGISTRY"]
    right, user = "right-secret-1", "reader"
    with RegistryProxy(direct, username=user, password=right) as proxy:
        meterline.environment["METERLINE_REGISTRY"] = proxy.url
        meterline("replay", *SOURCE, "--registry", proxy.url.replace("http://", f"http://{user}:{right}@"))
        meterline("replay", *SOURCE, "-X", f"schema.registry.basic.auth.user.info={user}:{right}")
        _, text = meterline("replay", *SOURCE, "-v", "-X", f"schema.registry.basic.auth.user.info={user}:{SECRET}", status=1)
        assert SECRET not in text and "401" in text, text
    with RegistryProxy(direct, bearer="token-1") as proxy:
        meterline.environment["METERLINE_REGISTRY"] = proxy.url
        meterline("run", "--final", "--group", "bearer", "-X", "schema.registry.bearer.auth.token=token-1")
        _, text = meterline("replay", *SOURCE, "-X", f"schema.registry.bearer.auth.token={SECRET}", status=1)
        assert SECRET not in text, text
    certificates = Certificates(pathlib.Path(meterline.folder) / "certificates")
    with RegistryProxy(direct, certificates=certificates, client_certificate=True) as proxy:
        meterline.environment["METERLINE_REGISTRY"] = proxy.url
        names = {"schema.registry.ssl.ca.location": certificates.ca, "schema.registry.ssl.certificate.location": certificates.client_certificate,
                 "schema.registry.ssl.key.location": certificates.client_key}
        meterline("run", "--final", "--group", "tls", *properties(names))
        meterline("replay", *SOURCE, status=1)
    meterline.environment["METERLINE_REGISTRY"] = direct
    meterline("replay", *SOURCE, "-X", "schema.registry.basic.auth.user.inf=x:y", status=1, says="did you mean")
    meterline("replay", *SOURCE, "-X", "isolation.level=read_uncommitted", status=1, says="sets this property itself")
    meterline("replay", *SOURCE, "-X", "no.such.property=1", status=1, says="no such property")
    meterline("replay", *SOURCE, "--config", meterline.file("broken.conf", "a = b\nbroken\n"), status=1, says="line 2")


def test_no_permission(meterline):
    """A user who may do nothing: an error that names what, no hang."""
    rules = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:admin;User:ANONYMOUS",
             "allow.everyone.if.no.acl.found": "false"}
    with Kafka(security="sasl_plain", config=rules) as kafka:
        kafka.create_topic("metrics")
        program = on(meterline, kafka)
        begin = time.monotonic()
        _, text = program("run", "--until-end", *properties(kafka.client), status=1)
        assert "uthoriz" in text or "does not exist" in text, text
        assert time.monotonic() - begin < 60
