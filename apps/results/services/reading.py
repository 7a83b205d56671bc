"""Which calls something happened to, and what the ledger says of each: four statements for a
batch of any size."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from apps.ledger.models import SERVING, AttemptStatus
from apps.results.models import Call, Outcome

KEPT = timedelta(days=90)  # what happens to a call later than this is not counted any more

# Each source is cut by itself, so that a long history is not sorted again for every batch.
_WINDOW = """
    WITH seen AS (
        (SELECT xid FROM ledger_attempt
         WHERE xid >= %(start)s::xid8 AND xid < %(end)s::xid8 AND prompt <> ''
         ORDER BY xid LIMIT %(batch)s)
        UNION ALL
        (SELECT xid FROM ledger_entry
         WHERE xid >= %(start)s::xid8 AND xid < %(end)s::xid8 ORDER BY xid LIMIT %(batch)s)
        UNION ALL
        (SELECT xid FROM results_score
         WHERE xid >= %(start)s::xid8 AND xid < %(end)s::xid8 ORDER BY xid LIMIT %(batch)s)
    )
    SELECT coalesce(
        (SELECT (xid::text::bigint + 1)::text FROM seen ORDER BY xid OFFSET %(batch)s - 1 LIMIT 1),
        %(end)s)
"""
_TOUCHED = """
    SELECT service, request_id FROM ledger_attempt
    WHERE xid >= %(start)s::xid8 AND xid < %(end)s::xid8 AND prompt <> ''
    UNION
    SELECT service, request_id FROM ledger_entry
    WHERE xid >= %(start)s::xid8 AND xid < %(end)s::xid8 AND prompt <> ''
"""
_ATTEMPTS = """
    SELECT service, request_id, prompt, prompt_version, channel, arm, phase, subject,
           status, flaw, started_at, ended_at
    FROM ledger_attempt JOIN unnest(%(services)s::text[], %(requests)s::text[])
         AS wanted(service, request_id) USING (service, request_id)
    WHERE prompt <> '' AND purpose = ANY(%(serving)s)
    ORDER BY started_at, id
"""
# One row for each call and set of dimensions, which only a version that moved could be more of.
_ENTRIES = """
    SELECT service, request_id, prompt, prompt_version, channel, arm, phase, subject,
           bool_or(kind = 'cache_hit'), min(at), sum(amount_pico), sum(input_tokens),
           sum(output_tokens)
    FROM ledger_entry JOIN unnest(%(services)s::text[], %(requests)s::text[])
         AS wanted(service, request_id) USING (service, request_id)
    WHERE prompt <> '' AND purpose <> ALL(%(others)s)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY min(at)
"""
_OTHERS = ("shadow", "evaluation", "playground")

Key = tuple[str, str]  # service, request id
WHOSE = ("prompt", "prompt_version", "channel", "arm", "phase", "subject")


class _Attempt(NamedTuple):
    whose: tuple[Any, ...]
    status: str
    flaw: str
    started_at: datetime
    ended_at: datetime | None


@dataclass(slots=True)
class _Money:
    whose: tuple[Any, ...]
    cached: bool
    at: datetime
    pico: int
    input_tokens: int
    output_tokens: int


def end_of_window(*, start: str, horizon: str, batch: int) -> str:
    """The transaction before which about `batch` changes lie."""
    with connection.cursor() as cursor:
        cursor.execute(_WINDOW, {"start": start, "end": horizon, "batch": batch})
        return str(cursor.fetchone()[0])


def touched(*, start: str, end: str) -> list[Key]:
    with connection.cursor() as cursor:
        cursor.execute(_TOUCHED, {"start": start, "end": end})
        return sorted(cursor.fetchall())


def calls_of(keys: Collection[Key], *, now: datetime) -> list[Call]:
    """The calls as they are now, not saved, oldest first; those that are too old are left out."""
    if not keys:
        return []
    attempts: dict[Key, list[_Attempt]] = defaultdict(list)
    for service, request_id, *rest in _rows(_ATTEMPTS, keys, serving=list(SERVING)):
        attempts[service, request_id].append(_Attempt(tuple(rest[:6]), *rest[6:]))
    money: dict[Key, list[_Money]] = defaultdict(list)
    for service, request_id, *rest in _rows(_ENTRIES, keys, others=list(_OTHERS)):
        money[service, request_id].append(_Money(tuple(rest[:6]), *rest[6:]))
    calls = (_call(key, attempts[key], money[key]) for key in keys)
    kept = (call for call in calls if call is not None and call.at > now - KEPT)
    return sorted(kept, key=lambda call: call.at)


def _rows(statement: str, keys: Iterable[Key], **more: Any) -> list[Sequence[Any]]:
    services, requests = zip(*keys, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(statement, {"services": list(services), "requests": list(requests)} | more)
        return list(cursor.fetchall())


def _call(key: Key, attempts: Sequence[_Attempt], money: Sequence[_Money]) -> Call | None:
    """None: it was for nobody who waited."""
    cached = any(part.cached for part in money)
    if not attempts and not cached:
        return None
    answer = next((one for one in attempts if one.status == AttemptStatus.SUCCEEDED), None)
    first = attempts[0].started_at if attempts else money[0].at
    return Call(
        service=key[0],
        request_id=key[1],
        at=first,
        outcome=_outcome(attempts, answered=cached or answer is not None),
        flaw=answer.flaw if answer else "",
        cached=cached,
        attempts=sum(one.ended_at is not None for one in attempts),
        latency_ms=_milliseconds(first, answer),
        input_tokens=sum(int(part.input_tokens) for part in money),
        output_tokens=sum(int(part.output_tokens) for part in money),
        cost_pico=sum(int(part.pico) for part in money),
        **dict(zip(WHOSE, attempts[0].whose if attempts else money[0].whose, strict=True)),
    )


def _outcome(attempts: Sequence[_Attempt], *, answered: bool) -> Outcome:
    if answered:
        return Outcome.ANSWERED
    if any(one.status == AttemptStatus.DISPATCHED for one in attempts):
        return Outcome.OPEN
    return Outcome.FAILED


def _milliseconds(first: datetime, answer: _Attempt | None) -> int | None:
    if answer is None or answer.ended_at is None:
        return None
    return max(0, round((answer.ended_at - first).total_seconds() * 1000))
