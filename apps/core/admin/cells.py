"""What a cell of a table shows: pills, money, times."""

from datetime import UTC, date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.money import exact_usd, signed, usd_beside

Kind = Literal["ok", "warn", "bad", "info", "quiet"]
NOTHING = "–"


def pill(text: str, kind: Kind = "quiet") -> SafeString:
    """A state: its text always says it, its colour only helps to find it."""
    return format_html('<span class="l-pill l-pill--{}">{}</span>', kind, text)


def money(pico: int | None, *, beside: int = 0, is_change: bool = False) -> SafeString:
    """An amount of 10⁻¹² USD, short for reading, exact to the last digit on hover. `beside`: the
    sum that it is shown with (`usd_beside`); a change that is an increase has its sign."""
    if pico is None:
        return format_html("{}", NOTHING)
    text = usd_beside(pico, beside)
    return format_html(
        '<span class="l-num" title="{} USD">{}</span>',
        exact_usd(pico),
        signed(text, pico) if is_change else text,
    )


def exact_money(pico: int | None, *, is_change: bool = False) -> SafeString:
    """An amount of 10⁻¹² USD to its last digit, where a reader may want to add up."""
    if pico is None:
        return format_html("{}", NOTHING)
    digits = exact_usd(pico).rstrip("0")
    whole, _, cents = digits.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    amount = f"{sign}${int(whole):,}.{cents.ljust(2, '0')}"
    text = signed(amount, pico) if is_change else amount
    return format_html('<span class="l-num">{}</span>', text)


def aligned_money(pico: int) -> SafeString:
    """The same in a column: points stand below each other, as digits that are left out keep their
    room."""
    room = "\N{FIGURE SPACE}" * min(10, len(exact_usd(pico)) - len(exact_usd(pico).rstrip("0")))
    return format_html("{}{}", exact_money(pico), room)


def short_time(at: datetime | None) -> SafeString:
    """A time for a column, in the zone whose days reports have, which it names; hovering shows
    seconds, in UTC as logs have it."""
    if at is None:
        return format_html("{}", NOTHING)
    utc = at.astimezone(UTC)
    return format_html(
        '<time class="l-time" datetime="{}" title="{}">{}</time>',
        utc.isoformat(timespec="seconds"),
        f"{utc:%Y-%m-%d %H:%M:%S %Z}",
        f"{at.astimezone(ZoneInfo(settings.REPORTING_TIME_ZONE)):%d %b %Y %H:%M %Z}",
    )


def short_day(day: date) -> SafeString:
    """A day beside times."""
    return format_html('<span class="l-time">{}</span>', f"{day:%d %b %Y}")
