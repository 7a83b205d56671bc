"""Fixtures for every test."""

from collections.abc import Iterator

import pytest
from django.db.backends.postgresql.operations import DatabaseOperations

# Made by migrations, or moved by triggers: must outlive the flush between transactional tests.
_KEPT = ('"core_configepoch"', '"django_migrations"')


@pytest.fixture(scope="session", autouse=True)
def _flush_the_append_only_ledger() -> Iterator[None]:
    """Transactional tests end with a TRUNCATE of all tables, which the ledger's own triggers rightly
    refuse: switch triggers off around the flush, and tell processes that all has changed."""

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
