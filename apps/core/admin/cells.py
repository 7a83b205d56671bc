"""What a cell of a table shows: pills, money, times."""

from datetime import datetime
from typing import Literal

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.money import exact_usd, short_usd

Kind = Literal["ok", "warn", "bad", "info", "quiet"]
NOTHING = "–"


def pill(text: str, kind: Kind = "quiet") -> SafeString:
    """A state: its text always says it, its colour only helps to find it."""
    return format_html('<span class="l-pill l-pill--{}">{}</span>', kind, text)


def money(pico: int | None) -> SafeString:
    """An amount of 10⁻¹² USD, short for reading, exact to the last digit on hover."""
    if pico is None:
        return format_html("{}", NOTHING)
    return format_html(
        '<span class="l-num" title="{} USD">{}</span>', exact_usd(pico), short_usd(pico)
    )


def exact_money(pico: int | None) -> SafeString:
    """An amount of 10⁻¹² USD to its last digit, where a reader may want to add up."""
    if pico is None:
        return format_html("{}", NOTHING)
    digits = exact_usd(pico).rstrip("0")
    whole, _, cents = digits.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return format_html('<span class="l-num">{}${}.{}</span>', sign, whole, cents.ljust(2, "0"))


def aligned_money(pico: int) -> SafeString:
    """The same in a column: points stand below each other, as digits that are left out keep their
    room."""
    room = "\N{FIGURE SPACE}" * min(10, len(exact_usd(pico)) - len(exact_usd(pico).rstrip("0")))
    return format_html("{}{}", exact_money(pico), room)


def short_time(at: datetime | None) -> SafeString:
    """A time for a column, in the current time zone; hovering shows seconds and the zone."""
    if at is None:
        return format_html("{}", NOTHING)
    local = timezone.localtime(at)
    return format_html(
        '<time class="l-time" datetime="{}" title="{}">{}</time>',
        at.isoformat(timespec="seconds"),
        local.strftime("%Y-%m-%d %H:%M:%S %Z"),
        local.strftime("%d %b %Y %H:%M"),
    )
