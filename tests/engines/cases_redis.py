"""Redis: commands, the password, a node that is paused, killed and started."""
from engines.redis import Redis
from expect import refused, running


def test_redis():
    with running(Redis()) as redis:
        assert redis.command("PING") == "PONG"
        assert redis.command("SET", "gateway", "für") == "OK" and redis.command("GET", "gateway") == "für"
        assert redis.command("GET", "nothing") is None and redis.command("INCR", "count") == 1
        refused(lambda: redis.command("NONSENSE"), "unknown command")
        redis.kill_node()
        assert redis.pids() == {}
        redis.start_node()
        assert redis.command("GET", "gateway") is None


def test_redis_password():
    with running(Redis(password="a-secret")) as redis:
        assert redis.url == f"redis://:a-secret@127.0.0.1:{redis.port}" and redis.command("PING") == "PONG"
        redis.password = None
        refused(lambda: redis.command("PING"), "NOAUTH")
        redis.password = "wrong"
        refused(lambda: redis.command("PING"), "WRONGPASS")
