"""Prices begin and end; they are never edited."""

from datetime import UTC, datetime
from typing import NamedTuple

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from apps.core.money import Pico
from apps.registry.models import Deployment, Price
from apps.registry.tiers import DEFAULT_TIER


class PriceRefused(ValueError):
    """This price cannot be set so. Permanent: the same request will be refused again."""


class Kind(NamedTuple):
    """What a price is of; the names are those of the fields of `Price`."""

    deployment: Deployment
    usage_class: str
    service_tier: str
    min_input_tokens: int

    def latest(self) -> Price | None:
        return Price.objects.filter(**self._asdict()).order_by("-valid").first()


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
    service_tier: str = DEFAULT_TIER,
    min_input_tokens: int = 0,
) -> Price:
    """Let a price hold from `valid_from` (default: `now`); the one before ends there.

    Only the first price of a usage class in a tier may begin in the past: later it would change
    what calls have already cost. Setting what holds already changes nothing.
    Raises `PriceRefused`, and `ValidationError` with every fault of the values.
    """
    begins = valid_from or now
    Deployment.objects.select_for_update(no_key=True).get(pk=deployment.pk)
    kind = Kind(deployment, usage_class, service_tier, min_input_tokens)
    latest = kind.latest()
    if latest is not None:
        if _holds_already(latest, price_pico, per_block, begins):
            return latest
        _refuse_rewriting(latest, begins, now)
        _end(latest, at=begins)
    _refuse_step_in_the_past(kind, begins, now)
    price = Price(
        **kind._asdict(),
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
    service_tier: str = DEFAULT_TIER,
    min_input_tokens: int = 0,
) -> None:
    """Raise `PriceRefused` if `set_price` would, as things stand: for forms."""
    begins = valid_from or now
    kind = Kind(deployment, usage_class, service_tier, min_input_tokens)
    latest = kind.latest()
    if latest is None:
        _refuse_step_in_the_past(kind, begins, now)
    elif not _holds_already(latest, price_pico, per_block, begins):
        _refuse_rewriting(latest, begins, now)


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


def _refuse_step_in_the_past(kind: Kind, begins: datetime, now: datetime) -> None:
    """Calls with as long an input were priced by a lower step already."""
    if begins >= now:
        return
    same = kind._asdict() | {"min_input_tokens__lt": kind.min_input_tokens}
    del same["min_input_tokens"]
    if Price.objects.filter(**same, valid__overlap=DateTimeTZRange(begins, now)).exists():
        raise PriceRefused(
            "A step cannot begin in the past where a lower one held: what calls cost is history."
        )


def _end(row: Price, *, at: datetime) -> None:
    if row.valid.upper is None:
        row.valid = (row.valid.lower, at)
        row.save(update_fields=["valid", "updated_at"])
