"""Cells that more than one page of the registry shows."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponseRedirect
from django.urls import reverse
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


def change_of(before: Pico | None, after: Pico) -> str:
    """How much dearer something got, in per cent, for reading: amounts stand beside it."""
    if not before:
        return "new" if after or before is None else "0.0 %"
    return "0.0 %" if before == after else f"{(after - before) * 100 / before:+,.1f} %"


def what_if_of(prices: list[tuple[str, str]]) -> HttpResponseRedirect:
    """To the page that says what past calls would have cost at these prices."""
    return HttpResponseRedirect(f"{reverse('admin:price_what_if')}?{urlencode(prices)}")


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
