"""Recosts: asked for by one person, booked when another approves."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import DataError, connection, transaction
from django.db.models import Sum

from apps.core.ids import uuid7
from apps.core.money import Pico
from apps.repricing import price_sql
from apps.repricing.models import Recost, RecostItem, RecostRate, RecostStatus
from apps.repricing.preview import preview
from apps.repricing.segments import segments
from apps.repricing.selectors import corrections, stored, waiting
from apps.repricing.types import Preview, Rate, RepricingRefused, Segment

MOST_ENTRIES = 200_000  # of one recost: minutes of a worker, or half an hour of a busy one
_LOCK = 0x7265636F7374  # "recost": they are asked for one after the other
_NEXT_IDS = """
    SELECT nextval(pg_get_serial_sequence('registry_price', 'id')) FROM generate_series(1, %s)
"""


def what_if(*, rates: Sequence[Rate], start: datetime, end: datetime) -> Preview:
    """What calls sent from `start` to before `end` would have cost at the `rates`. Changes nothing.
    Raises `RepricingRefused`."""
    found = _segments(rates, start, end)
    return preview(rates=rates, found=found, start=start, end=end)


@transaction.atomic
def request_recost(
    *,
    rates: Sequence[Rate],
    start: datetime,
    end: datetime,
    zone: str,
    reason: str,
    by: Any,
    now: datetime,
    seen: Pico | None = None,
) -> Recost:
    """Ask for calls sent from `start` to before `end` to cost what they do at the `rates`; nothing
    is booked before approval. `seen`: the difference that somebody saw and means.

    Raises `RepricingRefused`.
    """
    _one_at_a_time()
    _refuse_beside_others(rates, start, end)
    numbered = _numbered(rates)
    found = _segments(numbered, start, end)
    shown = preview(rates=numbered, found=found, start=start, end=end)
    if seen is not None and shown.difference_pico != seen:
        raise RepricingRefused("The books have changed since you looked. Look again.")
    key = uuid7()
    entries = _note_entries(key, found, start, end)
    recost = Recost.objects.create(
        id=key,
        start=start,
        end=end,
        zone=zone,
        reason=reason,
        requested_by=by,
        requested_at=now,
        segments=[stored(segment) for segment in found],
        summary=_summary(shown),
        entries=entries,
        before_pico=shown.before_pico,
        after_pico=shown.after_pico,
    )
    RecostRate.objects.bulk_create(_rate(recost, rate) for rate in numbered)
    _check_sum(recost)
    return recost


@transaction.atomic
def approve_recost(*, recost_id: UUID, by: Any, now: datetime, decision: str = "") -> Recost:
    """From now on workers book it. Of two approvals at once, the second is refused. Raises
    `RepricingRefused`."""
    return _decide(recost_id, RecostStatus.APPROVED, by, now, decision)


@transaction.atomic
def reject_recost(*, recost_id: UUID, by: Any, now: datetime, decision: str = "") -> Recost:
    """Who asked may take it back so. Raises `RepricingRefused`."""
    return _decide(recost_id, RecostStatus.REJECTED, by, now, decision)


def _decide(recost_id: UUID, status: RecostStatus, by: Any, now: datetime, decision: str) -> Recost:
    row = Recost.objects.select_for_update(of=("self",)).get(pk=recost_id)
    if row.status != RecostStatus.REQUESTED:
        raise RepricingRefused(f"The {row} was decided before: {row.get_status_display()}.")
    if status == RecostStatus.APPROVED and row.requested_by_id == by.pk:
        raise RepricingRefused(f"The {row}: somebody else has to approve what you asked for.")
    row.status, row.decided_by, row.decided_at, row.decision = status, by, now, decision
    row.save(update_fields=["status", "decided_by", "decided_at", "decision"])
    return row


def _segments(rates: Sequence[Rate], start: datetime, end: datetime) -> list[Segment]:
    deployments = {rate.deployment for rate in rates}
    earlier = corrections(deployments=deployments, start=start, end=end)
    return segments(rates=rates, start=start, end=end, earlier=earlier)


def _one_at_a_time() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _refuse_beside_others(rates: Sequence[Rate], start: datetime, end: datetime) -> None:
    """Of two that wait, the second would be about amounts that the first is to change."""
    deployments = {rate.deployment for rate in rates}
    if waiting(deployments=deployments, start=start, end=end).exists():
        raise RepricingRefused(
            "Another recost of these calls waits or is being booked. Decide it first."
        )


def _numbered(rates: Sequence[Rate]) -> list[Rate]:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_IDS, [len(rates)])
        ids = [number for (number,) in cursor.fetchall()]
    return [
        replace(rate, row=replace(rate.row, price_id=number))
        for rate, number in zip(rates, ids, strict=True)
    ]


def _note_entries(key: UUID, found: Sequence[Segment], start: datetime, end: datetime) -> int:
    values = price_sql.parameters(found, start=start, end=end) | {"recost": key}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(price_sql.ITEMS, values)
            entries = int(cursor.rowcount)
    except DataError as error:
        raise RepricingRefused(
            "A call would cost more than an entry can hold, 9.2 million dollars. Look at the "
            "prices."
        ) from error
    if not entries:
        raise RepricingRefused("No entry would change: there is nothing to book.")
    if entries > MOST_ENTRIES:
        raise RepricingRefused(
            f"{entries:,} entries would change, and {MOST_ENTRIES:,} can at once. Choose fewer "
            "days."
        )
    return entries


def _rate(recost: Recost, rate: Rate) -> RecostRate:
    return RecostRate(
        id=rate.row.price_id,
        recost=recost,
        deployment=rate.deployment,
        usage_class=rate.row.usage_class,
        service_tier=rate.row.service_tier,
        min_input_tokens=rate.row.min_input_tokens,
        price_pico=rate.row.price_pico,
        per_block=rate.row.per_block,
        source=rate.source,
    )


def _summary(shown: Preview) -> dict[str, Any]:
    """Amounts in texts, as JSON keeps no whole numbers of over 64 bits."""
    parts = {name: getattr(shown, name) for name in ("priced", "newly", "left")}
    rows = {name: [_in_texts(asdict(row)) for row in found] for name, found in parts.items()}
    counts = {"entries": shown.entries, "newly_priced": shown.newly_priced}
    used = {str(number): [use.lines, use.quantity] for number, use in shown.used.items()}
    return rows | counts | {"used": used}


def _in_texts(row: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if name.endswith("_pico") else value for name, value in row.items()}


def _check_sum(recost: Recost) -> None:
    """The two statements read the books one after the other."""
    sums = RecostItem.objects.filter(recost=recost).aggregate(Sum("before_pico"), Sum("after_pico"))
    difference = int(sums["after_pico__sum"] - sums["before_pico__sum"])
    if difference != recost.difference_pico:
        raise RepricingRefused("Entries were booked while it was computed. Ask again.")
