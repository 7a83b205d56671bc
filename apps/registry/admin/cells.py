"""Cells that more than one page of the registry shows."""

from datetime import datetime
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import money, pill
from apps.core.admin.cells import NOTHING
from apps.core.money import Pico
from apps.registry.models import PriceKind
from apps.registry.pricing import MILLION


def per_million(price_pico: Pico | None, per_block: int) -> SafeString:
    """A price for a million units."""
    return money(None if price_pico is None else price_pico * MILLION // per_block)


def step(row: PriceKind) -> SafeString:
    """From which length of the input on a price holds."""
    return format_html("{}", f"{row.min_input_tokens:,}" if row.min_input_tokens else NOTHING)


def validity(valid: Any, *, now: datetime) -> SafeString:
    """Where `now` stands to a price's range of validity."""
    if valid.lower is not None and now < valid.lower:
        return pill("scheduled", "info")
    if valid.upper is not None and valid.upper <= now:
        return pill("ended")
    return pill("holds", "ok")


def switch(active: bool) -> SafeString:
    return pill("active", "ok") if active else pill("drained", "warn")
