"""Fixtures for every test."""

import os
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as all_settings
from django.core.management.commands import flush as flush_command
from django.db.backends.postgresql.operations import DatabaseOperations
from whitenoise.middleware import WhiteNoiseMiddleware

from apps.core import redis as our_redis
from apps.prompts.channels import ensure_channels
from llmplatform import celery_app
from tests import nursery

# Empties what has rows: a TRUNCATE makes new files for each of hundreds of tables and indexes.
# Without triggers, of which those of the ledger rightly refuse it. The epoch tells processes that
# all has changed.
_EMPTY = """
SET session_replication_role = replica;
DO $$
DECLARE name text; has_rows boolean;
BEGIN
    FOREACH name IN ARRAY ARRAY[%s] LOOP
        EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO has_rows;
        IF has_rows THEN EXECUTE 'DELETE FROM ' || name; END IF;
    END LOOP;
END $$;
UPDATE ledger_boundary SET closed_until = NULL, soft_until = NULL;
SET session_replication_role = origin;
UPDATE core_configepoch SET value = value + 1;
"""
# What `migrate` makes and tests leave alone; to make it again took half a second a test.
_KEPT = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "core_configepoch",
    "django_content_type",
    "django_migrations",
    "ledger_boundary",
}


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
def _flush_what_has_rows() -> Iterator[None]:
    """How transactional tests end."""

    def flush(self: DatabaseOperations, style: Any, tables: list[str], **_: Any) -> list[str]:
        return [_EMPTY % ", ".join(f"'{name}'" for name in sorted(set(tables) - _KEPT))]

    def migrated(verbosity: int, interactive: bool, db: str) -> None:
        ensure_channels(using=db)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", flush)
        patch.setattr(flush_command, "emit_post_migrate_signal", migrated)
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_looked_for_once() -> Iterator[None]:
    """And not by the middleware of each test's client, which took 12 ms of CPU."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def add(self: WhiteNoiseMiddleware) -> None:
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add)
        yield


@pytest.fixture(scope="session", autouse=True)
def _nurseries_end() -> Iterator[None]:
    yield
    nursery.close_all()


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
