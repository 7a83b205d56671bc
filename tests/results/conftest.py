"""Calls as the pipeline books them, and counting that waits for other databases of the cluster."""

import time
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from apps.core.ids import uuid7
from apps.ledger.models import Attempt
from apps.ledger.services import book_cache_hits, close_attempts, open_attempts
from apps.ledger.types import AttemptStart, CacheHit, Dimensions
from apps.results.models import Cursor
from apps.results.services.counting import count_all
from tests.ledger.conftest import PRICES, end_of

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


def dims(*, version=1, arm="", subject="", phase=0, service="shop", channel="production"):
    return Dimensions(
        service, "team", "cc", "p", "m", "d",
        prompt="reply", prompt_version=version, arm=arm, channel=channel, phase=phase,
        subject=subject,
    )  # fmt: skip


def begin(request_id, whose, *, at=NOON, number=1, purpose="answer"):
    start = AttemptStart(uuid7(), request_id, None, number, purpose, whose)
    with transaction.atomic():
        open_attempts(starts=[start], now=at)
    return start


def end(start, *, ms=800, at=NOON, status="succeeded", **values):
    if status == "failed":
        values |= {"kind": None, "usage": None}
    with transaction.atomic():
        close_attempts(
            ends=[end_of(start, prices=PRICES, status=status, **values)],
            now=at + timedelta(milliseconds=ms),
        )


def call(request_id, whose=None, *, at=NOON, **values):
    """A whole call with one attempt."""
    end(begin(request_id, whose or dims(), at=at), at=at, **values)


def hit(request_id, whose, *, at=NOON):
    with transaction.atomic():
        book_cache_hits(hits=[CacheHit(request_id, None, whose, 5, 10, 2)], now=at)


def count(batch=2000):
    """Until what has happened so far is counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        until = cursor.fetchone()[0]
    give_up = time.monotonic() + 30
    while True:
        count_all(batch=batch)
        if (Cursor.objects.values_list("xid", flat=True).first() or 0) >= until:
            return
        assert time.monotonic() < give_up, "Another transaction is in the way."


def attempts_of(request_id):
    return Attempt.objects.filter(request_id=request_id)
