"""Calls and scores into sums: each once, whatever happens to a call later.

A cursor over transactions, as the ledger's own, says what may have changed. What a call adds to the
sums is computed anew from the ledger, and the difference to what it added before is booked: so a
batch that is counted twice changes nothing, and a late charge or a second try corrects its hour.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.core.clock import db_now
from apps.ledger import following
from apps.results.changes import Change, Counts
from apps.results.models import Call, Cursor, Outcome
from apps.results.services.exposing import expose
from apps.results.services.hours import add_to_hours
from apps.results.services.reading import (
    KEPT,
    WHOSE,
    Key,
    calls_of,
    end_of_window,
    touched,
)
from apps.results.services.scoring import count_scores

BATCH = 2_000  # changes in a transaction
_LOCK = 0x726573756C7473  # a number that nothing else locks
_FIELDS = tuple(field.name for field in Call._meta.concrete_fields if field.name != "id")


def count_all(*, batch: int = BATCH) -> int:
    """Until nothing is left; how many calls were touched. 0 also when another process is at it.
    Never inside another transaction."""
    total = 0
    while True:
        counted, done = _count_batch(batch)
        total += counted
        if done:
            return total


def forget_old_calls(*, limit: int = 20_000) -> int:
    """Calls that nothing is counted of any more; their sums stay."""
    old = Call.objects.filter(at__lt=db_now() - KEPT).order_by("at").values("pk")[:limit]
    return Call.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()[0]


def _count_batch(batch: int) -> tuple[int, bool]:
    """Calls touched, and whether everything that has ended is counted."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_try_advisory_xact_lock({_LOCK})")
        if not cursor.fetchone()[0]:
            return 0, True
        cursor.execute(following.HORIZON)
        horizon = str(cursor.fetchone()[0])
        start = _start(horizon)
        end = end_of_window(start=start, horizon=horizon, batch=batch)
        keys = touched(start=start, end=end)
        changes = _renew(keys, db_now())
        add_to_hours(changes)
        expose(changes)
        count_scores(start=start, end=end)
        Cursor.objects.update_or_create(id=1, defaults={"xid": int(end)})
    return len(keys), end == horizon


def _start(horizon: str) -> str:
    """A cursor from another cluster, ahead of this one, begins anew: counting again is harmless."""
    kept = Cursor.objects.filter(id=1).values_list("xid", flat=True).first() or 0
    return str(kept if kept <= int(horizon) else 0)


def _renew(keys: list[Key], now: datetime) -> list[Change]:
    """Write the calls as they are now; what that changes in the sums."""
    calls = calls_of(keys, now=now)
    before = _before(calls)
    for call in calls:
        _stay(call, before.get(_key(call)))
    changes = [Change(call, counts_of(before.get(_key(call))), counts_of(call)) for call in calls]
    Call.objects.bulk_create(
        calls,
        update_conflicts=True,
        unique_fields=["service", "request_id"],
        update_fields=[name for name in _FIELDS if name not in {"service", "request_id"}],
    )
    return changes


def _before(calls: Iterable[Call]) -> dict[Key, Call]:
    """Those that were counted, as they were."""
    wanted = [_key(call) for call in calls]
    rows = Call.objects.filter(
        service__in={service for service, _ in wanted},
        request_id__in=[request_id for _, request_id in wanted],
    )
    return {_key(row): row for row in rows}


def _stay(call: Call, before: Call | None) -> None:
    """In the hour, version and arm that it was counted in first."""
    if before is not None:
        for name in ("at", *WHOSE):
            setattr(call, name, getattr(before, name))


def _key(call: Call) -> Key:
    return call.service, call.request_id


def counts_of(call: Call | None) -> Counts:
    """What a call adds: nothing while it is under way."""
    if call is None or call.outcome == Outcome.OPEN:
        return Counts()
    values: dict[str, Any] = {
        name: getattr(call, name)
        for name in ("attempts", "input_tokens", "output_tokens", "cost_pico", "latency_ms")
    }
    return Counts(
        calls=1,
        failed=int(call.outcome == Outcome.FAILED),
        refusals=int(call.flaw == "refusal"),
        schema_failures=int(call.flaw == "schema"),
        cached=int(call.cached),
        **values,
    )
