"""Fixtures for every test."""

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as all_settings
from django.db.backends.postgresql.operations import DatabaseOperations

from apps.core import redis as our_redis
from llmplatform import celery_app

# Made by migrations, or moved by triggers: must outlive the flush between transactional tests.
_KEPT = ('"core_configepoch"', '"django_migrations"')


@pytest.fixture(scope="session", autouse=True)
def _own_redis_database() -> None:
    """Tests that run side by side (xdist) each get a Redis database, as they get a Postgres one."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker:
        return
    parts = urlsplit(all_settings.REDIS_URL)
    number = int(parts.path.strip("/") or 0) + 1 + int(worker.removeprefix("gw"))
    url = urlunsplit(parts._replace(path=f"/{number}"))
    all_settings.REDIS_URL = all_settings.BROKER_URL = all_settings.CELERY_BROKER_URL = url
    all_settings.CACHES["default"]["LOCATION"] = url
    celery_app.conf.broker_url = url


@pytest.fixture(scope="session", autouse=True)
def _flush_the_append_only_ledger() -> Iterator[None]:
    """Transactional tests end with a TRUNCATE of all tables, which the ledger rightly
    refuses: switch triggers off around the flush, and tell processes that all has changed."""

    def flush(self: DatabaseOperations, sql_list: list[str]) -> None:
        off, on = (f"SET session_replication_role = {role};" for role in ("replica", "origin"))
        moved = "UPDATE core_configepoch SET value = value + 1;"
        original(self, [off, *map(_without_kept, sql_list), on, moved])

    original = DatabaseOperations.execute_sql_flush
    DatabaseOperations.execute_sql_flush = flush
    yield
    DatabaseOperations.execute_sql_flush = original


def _without_kept(sql: str) -> str:
    for table in _KEPT:
        sql = sql.replace(f"{table}, ", "").replace(f", {table}", "")
    return sql


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    """Throw-away users need no hash that takes most of a second."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _redis_is_there() -> None:
    """What an earlier test found out about its Redis says nothing about that of this one."""
    our_redis._Away.until = 0.0


@pytest.fixture
def redis_at(settings: Any) -> Iterator[Callable[[str], None]]:
    """Point the process-wide client at another Redis, of which nothing is known yet."""

    def point(url: str) -> None:
        settings.REDIS_URL = url
        our_redis.client.cache_clear()
        our_redis._Away.until = 0.0

    yield point
    our_redis.client.cache_clear()


@pytest.fixture
def silent_redis() -> Iterator[str]:
    """The address of one that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.fixture(autouse=True)
def _pages_see_the_test_s_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read when asked: the thread that follows the epoch sees no test's open transaction."""
    from apps.gateway.config import read_config
    from apps.playground import configuration

    monkeypatch.setattr(configuration, "current_config", read_config)
