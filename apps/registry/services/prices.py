"""Prices begin and end; they are never edited."""

from datetime import UTC, datetime

from django.db import transaction

from apps.core.money import Pico
from apps.registry.models import Deployment, Price


class PriceRefused(ValueError):
    """This price cannot be set so. Permanent: the same request will be refused again."""


@transaction.atomic
def set_price(
    *,
    deployment: Deployment,
    usage_class: str,
    price_pico: Pico,
    per_block: int = 1,
    source: str,
    now: datetime,
    valid_from: datetime | None = None,
) -> Price:
    """Let a price hold from `valid_from` (default: `now`); the one before ends there.

    Only the first price of a usage class may begin in the past: later it would change what
    calls have already cost. Setting what holds already changes nothing.
    Raises `PriceRefused`, and `ValidationError` with every fault of the values.
    """
    begins = valid_from or now
    Deployment.objects.select_for_update(no_key=True).get(pk=deployment.pk)
    latest = _latest(deployment, usage_class)
    if latest is not None:
        if _holds_already(latest, price_pico, per_block, begins):
            return latest
        _refuse_rewriting(latest, begins, now)
        _end(latest, at=begins)
    price = Price(
        deployment=deployment,
        usage_class=usage_class,
        price_pico=price_pico,
        per_block=per_block,
        valid=(begins, None),
        source=source,
    )
    price.full_clean()
    price.save()
    return price


def check_price(
    *,
    deployment: Deployment,
    usage_class: str,
    price_pico: Pico,
    per_block: int = 1,
    now: datetime,
    valid_from: datetime | None = None,
) -> None:
    """Raise `PriceRefused` if `set_price` would, as things stand: for forms."""
    latest = _latest(deployment, usage_class)
    begins = valid_from or now
    if latest is not None and not _holds_already(latest, price_pico, per_block, begins):
        _refuse_rewriting(latest, begins, now)


def _latest(deployment: Deployment, usage_class: str) -> Price | None:
    rows = Price.objects.filter(deployment=deployment, usage_class=usage_class)
    return rows.order_by("-valid").first()


def _holds_already(row: Price, price_pico: Pico, per_block: int, begins: datetime) -> bool:
    same = (row.price_pico, row.per_block) == (price_pico, per_block)
    return same and row.valid.upper is None and _start(row) <= begins


def _start(row: Price) -> datetime:
    start: datetime | None = row.valid.lower
    return start or datetime.min.replace(tzinfo=UTC)


def _refuse_rewriting(latest: Price, begins: datetime, now: datetime) -> None:
    if begins < now:
        raise PriceRefused("A price cannot begin in the past: what calls cost is history.")
    if begins <= _start(latest):
        raise PriceRefused(
            f"A price is already set from {_start(latest):%Y-%m-%d %H:%M:%S %Z}; "
            "the next one must begin later."
        )
    if latest.valid.upper is not None and begins < latest.valid.upper:
        raise PriceRefused(
            f"The price before holds until {latest.valid.upper:%Y-%m-%d %H:%M:%S %Z}."
        )


def _end(row: Price, *, at: datetime) -> None:
    if row.valid.upper is None:
        row.valid = (row.valid.lower, at)
        row.save(update_fields=["valid", "updated_at"])
