"""Fixtures for every test."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings as all_settings
from django.db.backends.postgresql.operations import DatabaseOperations

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
