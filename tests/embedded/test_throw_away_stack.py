"""The servers under `manage.py test`: real, and gone afterwards."""

import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from llmplatform.embedded import postgres_account
from llmplatform.embedded.testing import run, throw_away_stack


@pytest.fixture(autouse=True)
def without_servers_of_our_own(monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "STATIC_ROOT"):  # `manage.py test` sets them
        monkeypatch.delenv(name, raising=False)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


def facts(url: str) -> tuple[str, ...]:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute(
            "SELECT current_setting('fsync'), datlocale, encoding::text FROM pg_database"
            " WHERE datname = current_database()"
        ).fetchone()
    return row or ()


def test_postgres_and_valkey_live_as_long_as_the_block():
    with throw_away_stack() as environment:
        assert facts(environment["DATABASE_URL"]) == ("off", "C.UTF-8", "6")
        assert redis.Redis.from_url(environment["REDIS_URL"]).ping()

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(environment["DATABASE_URL"])
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(environment["REDIS_URL"]).ping()


def test_both_ask_for_their_password():
    with throw_away_stack() as environment:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(environment["DATABASE_URL"], password="another")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=urlsplit(environment["REDIS_URL"]).port).ping()


def test_servers_of_the_users_own_are_used_instead(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://mine")
    monkeypatch.setenv("REDIS_URL", "redis://mine")

    with throw_away_stack() as environment:
        assert environment["DATABASE_URL"] == "postgres://mine"
        assert environment["REDIS_URL"] == "redis://mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
def test_root_falls_back_to_nobody_where_namespaces_are_forbidden(monkeypatch):
    monkeypatch.setattr(postgres_account, "_may_unshare", lambda: False)

    with throw_away_stack() as environment:
        assert facts(environment["DATABASE_URL"]) == ("off", "C.UTF-8", "6")
        folder = next(iter(Path(environment["STATIC_ROOT"]).parent.glob("postgres")))
        assert folder.owner() == "nobody"


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(3)", 3), ("", 0)])
def test_the_exit_code_is_that_of_the_tests(code, expected):
    assert run([sys.executable, "-c", code], {}) == expected


def test_tests_that_were_killed_count_as_failed():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"

    assert run([sys.executable, "-c", code], {}) == 128 + signal.SIGKILL
