"""Our side: what the ledger has for a provider, by day of UTC, model and meter, from the price
lines that were frozen when each call was booked.

All entries of a call count on one day, corrections that were booked much later included, as a
provider knows one day of a call: the one on which it was sent, or ended (`models.DayBasis`).
Adjustments and credits count on the day that they were asked for; those that follow from decisions
about differences are not part of this side: they settle what it differs by.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection

from apps.ledger.models import Adjustment, AdjustmentKind, AdjustmentStatus, EntryKind
from apps.ledger.reports import CALLS
from apps.reconciliation.models import DayBasis, Decision
from apps.reconciliation.types import Key, Side, meter_of
from apps.registry.models import Provider

# A call ended when its first entry was booked; what corrects it later is of the same call. Some
# that were sent before the first day have ended in it: of a batch, up to a day later.
_MOMENT = {
    DayBasis.SENT: "attempt.started_at",
    DayBasis.ENDED: "min(entry.at) OVER (PARTITION BY attempt.id)",
}
_ENTRIES = """
    WITH call AS (
        SELECT {moment} AS moment, entry.model, entry.kind, entry.amount_pico, entry.lines
        FROM ledger_attempt attempt
        JOIN ledger_entry entry ON entry.attempt_id = attempt.id
        WHERE attempt.provider = %(provider)s
          AND attempt.started_at >= %(start)s - interval '3 days' AND attempt.started_at < %(end)s
          AND entry.at >= %(start)s - interval '3 days'
    ), entry AS (
        SELECT (moment AT TIME ZONE 'UTC')::date AS day, model, kind, amount_pico, lines
        FROM call WHERE moment >= %(start)s AND moment < %(end)s
        UNION ALL
        SELECT (at AT TIME ZONE 'UTC')::date, model, kind, amount_pico, lines
        FROM ledger_entry
        WHERE provider = %(provider)s AND at >= %(start)s AND at < %(end)s
          AND attempt_id IS NULL AND NOT kind = ANY(%(no_calls)s)
    )
"""
_BY_CLASS = """
    SELECT day, model, coalesce(line->>'usage_class', ''),
           sum(CASE WHEN line IS NULL THEN amount_pico
               ELSE coalesce((line->>'amount_pico')::numeric, 0) END),
           sum((line->>'quantity')::numeric), count(*)
    FROM entry LEFT JOIN LATERAL jsonb_array_elements(lines) line ON true
    GROUP BY 1, 2, 3
"""
_BY_MODEL = """
    SELECT day, model, count(*) FILTER (WHERE kind = ANY(%(calls)s)), sum(amount_pico)
    FROM entry GROUP BY 1, 2
"""
_NO_CALLS = (EntryKind.PROVIDER_ADJUSTMENT, EntryKind.CREDIT, EntryKind.CACHE_HIT)
_SENT = [kind for kind in CALLS if kind != EntryKind.CACHE_HIT]


def our_side(
    *, provider: Provider, first: date, last: date, basis: str = DayBasis.SENT
) -> dict[Key, Side]:
    """Reads every entry of the provider in these days."""
    asked = _asked(provider, first, last)
    calls = {(day, model): int(n) for day, model, n, _ in _read(_BY_MODEL, asked, basis)}
    found: dict[Key, Side] = {}
    for day, model, usage_class, amount, quantity, lines in _read(_BY_CLASS, asked, basis):
        key = Key(day, model, meter_of(usage_class))
        side = Side(
            int(amount), None if quantity is None else int(quantity), calls[day, model], lines
        )
        found[key] = added(found.get(key), side)
    for key, amount in _adjusted(provider, first, last):
        found[key] = added(found.get(key), Side(amount))
    return {key: side for key, side in found.items() if side.amount_pico or side.quantity}


def our_total(*, provider: Provider, first: date, last: date, basis: str = DayBasis.SENT) -> int:
    """The sum of `our_side`, without its detail."""
    rows = _read(_BY_MODEL, _asked(provider, first, last), basis)
    adjusted = sum(amount for _, amount in _adjusted(provider, first, last))
    return sum(int(amount) for *_, amount in rows) + adjusted


def added(one: Side | None, other: Side) -> Side:
    """Of one key: calls are those of all its meters, and are not added up."""
    if one is None:
        return other
    known = one.quantity is not None and other.quantity is not None
    return Side(
        amount_pico=one.amount_pico + other.amount_pico,
        quantity=(one.quantity or 0) + (other.quantity or 0) if known else None,
        calls=other.calls if one.calls is None else max(one.calls, other.calls or 0),
        lines=one.lines + other.lines,
    )


def _asked(provider: Provider, first: date, last: date) -> Mapping[str, Any]:
    return {
        "provider": provider.slug,
        "start": datetime.combine(first, time(), UTC),
        "end": datetime.combine(last + timedelta(days=1), time(), UTC),
        "calls": _SENT,
        "no_calls": list(_NO_CALLS),
    }


def _read(select: str, asked: Mapping[str, Any], basis: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES.replace("{moment}", _MOMENT[DayBasis(basis)]) + select, asked)
        return list(cursor.fetchall())


def _adjusted(provider: Provider, first: date, last: date) -> list[tuple[Key, int]]:
    """What people booked by hand, such as a credit for an outage."""
    decided = Decision.objects.filter(adjustment__isnull=False).values("adjustment")
    rows = Adjustment.objects.filter(
        provider=provider.slug,
        day__range=(first, last),
        status=AdjustmentStatus.APPROVED,
    ).exclude(pk__in=decided)
    return [
        (
            Key(row.day, row.model, "credit" if row.kind == AdjustmentKind.CREDIT else "other"),
            row.amount_pico,
        )
        for row in rows
    ]
