"""Cells of budgets and their windows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.budgets.types import BudgetState
from apps.core.admin import money, pill
from apps.core.admin.cells import Kind

WARNING = 0.8  # of a limit
INSTANT = timedelta(microseconds=1)


def scope(fields: Mapping[str, str]) -> SafeString:
    """By which fields calls are chosen."""
    if not fields:
        return format_html("{}", "every call")
    named = ((name.replace("_", " "), value) for name, value in fields.items())
    return format_html_join(", ", "{} <strong>{}</strong>", named)


def hardness(*, hard: bool) -> SafeString:
    return pill("Hard", "info") if hard else pill("Soft", "quiet")


def used(state: BudgetState) -> SafeString:
    """How much of the limit is spent or held: a bar, and the same in words."""
    share = state.used_share
    kind: Kind = "bad" if share >= 1 else "warn" if share >= WARNING else "ok"
    return format_html(
        '<span class="l-nowrap"><meter min="0" max="1" value="{}" aria-label="Used of {}"></meter>'
        " {}</span>",
        f"{min(share, 1):.3f}",
        state.name,
        pill(f"{share:.0%}", kind),
    )


def limit(state: BudgetState) -> SafeString:
    """The limit, and what it is made of."""
    parts = [("carried over", state.carried_pico), ("raised", state.raised_pico)]
    rest = format_html_join("", ", {} {}", ((text, money(part)) for text, part in parts if part))
    return format_html("{}{}", money(state.limit_pico), rest)


def span(*, starts_at: datetime, ends_at: datetime | None, zone: str) -> SafeString:
    """The days of a window, first and last, in the budget's own zone; hovering shows instants."""
    if ends_at is None:
        return format_html("{}", "lifetime")
    first, last = (at.astimezone(ZoneInfo(zone)) for at in (starts_at, ends_at - INSTANT))
    days = (
        f"{first:%d %b %Y}" if first.date() == last.date() else f"{first:%d %b} – {last:%d %b %Y}"
    )
    title = f"{starts_at:%Y-%m-%d %H:%M} to {ends_at:%Y-%m-%d %H:%M} UTC"
    return format_html('<span class="l-nowrap" title="{}">{}</span>', title, days)
