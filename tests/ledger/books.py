"""Entries that are really committed, for tests of what other transactions see."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
from django.db import connection, transaction

from apps.ledger.models import Entry, RollupCursor
from apps.ledger.models.rollup_keys import ROLLUPS
from apps.ledger.posting import post_entries

TABLES = "ledger_entry, ledger_entrykey, ledger_usage, ledger_attempt"
ROLLED = [f"ledger_{period}{name}" for period in ("day", "month") for name in ROLLUPS]
SUMS = ", ".join([*ROLLED, "ledger_callsum", "ledger_rollupcursor"])
DAYS = "ledger_dayattempts, ledger_attemptcursor"
INSERT = """
    INSERT INTO ledger_entry (id, at, kind, amount_pico, input_tokens, output_tokens, avoided_pico,
        lines, tags, request_id, reason, actor, service, team, cost_center, provider, model,
        deployment, prompt, prompt_version, arm)
    VALUES (gen_random_uuid(), %s, 'charge', %s, 1, 2, 0, '[]', '[]', 'r', '', '', %s, 't', 'c',
        'p', 'm', 'd', '', 0, '')
"""
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def empty(*others: str) -> None:
    """The books begin anew, and so do `others`: tables whose rows something may refer to. Their
    triggers would refuse it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # never left behind
        cursor.execute(f"TRUNCATE {TABLES}, {SUMS}, {DAYS}")
        for table in others:
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET LOCAL session_replication_role = origin")


def booked(
    at: datetime = NOON, amount: int = 1, *, model_class: type[Entry] = Entry, **values: object
) -> Entry:
    defaults = {
        "kind": "charge",
        "request_id": "r",
        "service": "shop",
        "team": "t",
        "cost_center": "c",
        "provider": "p",
        "model": "m",
        "deployment": "d",
    }
    entry: Entry = model_class.objects.create(at=at, amount_pico=amount, **(defaults | values))
    return entry


def post_all(zone: str = "UTC", **values: int) -> int:
    """Post until no committed entry is left: the database's own housekeeping (ANALYZE) runs in
    transactions too, and may be waited for."""
    posted, deadline = 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        posted += post_entries(zone=zone, **values)
        if not Entry.objects.filter(xid__gte=RollupCursor.objects.get().xid).exists():
            return posted
    raise AssertionError("Something keeps a transaction open.")


@contextmanager
def writers(count: int) -> Iterator[list[psycopg.Connection]]:
    """So many connections of their own, each with its own transaction."""
    parameters = connection.get_connection_params()
    wanted = ("dbname", "user", "password", "host", "port")
    url = {name: parameters[name] for name in wanted if name in parameters}
    opened = [psycopg.connect(**url) for _ in range(count)]
    try:
        yield opened
    finally:
        for writer in opened:
            writer.rollback()
            writer.close()


def write(writer: psycopg.Connection, amount: int, at: datetime = NOON) -> None:
    """Leaves the transaction open."""
    writer.execute(INSERT, [at, amount, "shop"])
