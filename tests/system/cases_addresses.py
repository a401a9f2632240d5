"""Addresses of logs, stores and caches: what is refused, with what was probably meant, and that no password is ever shown."""
import pathlib
import time


def test_bus_addresses_that_are_no_folder(meterline):
    for address, says in (("localhost:9092", "did you mean kafka://localhost:9092?"), ("kafka:localhost", "did you mean kafka://localhost?"), ("kafka:/h:1", "did you mean kafka://h:1?"),
                          ("h1:1,h2:2", "did you mean kafka://h1:1,h2:2?"), ("mysql://x", "no bus of this kind"), ("foo:bar", "no bus of this kind"),
                          ("kafka://u:topsecret@h", "-X sasl.username")):
        _, err = meterline("topics", "--bus", address, status=1, says=says)
        assert "topsecret" not in err, err
        assert not (pathlib.Path.cwd() / address).exists()
    for option in ("--store", "--cache"):
        meterline("query", *(("--latest", "gateways") if option == "--cache" else ()), option, "localhost:6379", status=1, says=f"{option}: no ")
    data = meterline.folder / "with:colon"
    meterline("replay", "-t", "synthetic", "--series", 1, "-c", 1, data=data)
    assert (data / "meterline.db").exists()


def test_properties_are_let_go_of_at_the_end(meterline):
    """A build that watches for leaks ends with another status."""
    properties = ("-X", "linger.ms=5", "-X", "store.consistency=quorum")
    meterline("run", "--until-end", *properties)
    meterline("topics", *properties)
    meterline("topics", *properties, "--no-such-option", status=2)


def test_no_message_shows_a_password(meterline):
    for address in ("cassandra://u:topsecret/127.0.0.1/ks", "cassandra://u:topsecret", "cassandra://u:topsecret,h/ks", "cassandra://h/topsecret@", "cassandra://u:topsecret@h:99/9k",
                    "mysql://u:topsecret@h/ks"):
        _, err = meterline("query", "--store", address, status=1)
        assert "topsecret" not in err, err
    for address in ("redis://:topsecret", "redis://u:topsecret/1", "redis://h/topsecret", "redis://u:topsecret@h:x/1", "mysql://:topsecret@h"):
        _, err = meterline("query", "--latest", "gateways", "--cache", address, status=1)
        assert "topsecret" not in err, err


def test_no_password_stays_in_the_arguments(meterline):
    meterline("replay", "-t", "synthetic", "--series", 1, "-c", 1)
    for option, address in (("--store", "cassandra://usr:pa/ssX@127.0.0.1:1/ks"), ("--store", "cassandra://usr:pa,ssX@127.0.0.1:1,127.0.0.2:1/ks"), ("--cache", "redis://:pa/ssX@127.0.0.1:1/1"),
                            ("--cache", "redis://:pass,ssX@127.0.0.1:1"), ("--registry", "http://u:ssX@127.0.0.1:1,http://u:ssX@127.0.0.1:2")):
        run = meterline.start("run", option, address)
        arguments, until = "ssX", time.monotonic() + 60
        while "ssX" in arguments and time.monotonic() < until and run.poll() is None:
            arguments = pathlib.Path(f"/proc/{run.pid}/cmdline").read_bytes().decode()
        assert run.poll() is None, run.communicate()
        run.kill()
        assert "ssX" not in arguments, arguments


def test_a_server_that_stays_away_is_said_with_quiet_too(meterline):
    meterline("replay", "-t", "synthetic", "--series", 4, "--duration", "1m")
    run = meterline.start("run", "-q", "--cache", "redis://127.0.0.1:1/1")
    line = run.stderr.readline()
    assert line.startswith("meterline: error: ") and "is waiting" in line and "127.0.0.1:1" in line, line
    run.terminate()
    _, rest = run.communicate(timeout=60)
    assert rest.count("is waiting") == 0, rest
