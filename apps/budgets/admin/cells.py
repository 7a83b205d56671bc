"""Cells of budgets and their windows."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.budgets.models import Alert, Basis, ThresholdCrossing
from apps.budgets.overview import NEAR, Overview, Standing
from apps.budgets.types import BudgetState
from apps.core.admin import money, pill, short_time
from apps.core.admin.cells import NOTHING, Kind

_BASES: Mapping[str, str] = {
    Basis.ACTUAL: "spent",
    Basis.COMMITTED: "committed",
    Basis.FORECAST: "forecast",
}
INSTANT = timedelta(microseconds=1)
STANDINGS: Mapping[Standing, tuple[str, Kind]] = {
    Standing.USED_UP: ("Used up", "bad"),
    Standing.FULL: ("Full for now", "bad"),
    Standing.RUNS_OUT: ("Runs out", "warn"),
    Standing.NEAR: (f"Over {NEAR:.0%}", "warn"),
    Standing.FINE: ("On track", "ok"),
    Standing.UNUSED: ("Unused", "quiet"),
    Standing.CLOSED: ("Closed", "quiet"),
    Standing.OFF: ("Off", "quiet"),
}


def scope(fields: Mapping[str, str]) -> SafeString:
    """By which fields calls are chosen."""
    if not fields:
        return format_html("{}", "every call")
    named = ((name.replace("_", " "), value) for name, value in fields.items())
    return format_html_join(", ", "{} <strong>{}</strong>", named)


def hardness(*, hard: bool) -> SafeString:
    return pill("Hard", "info") if hard else pill("Soft", "quiet")


def standing(found: Overview) -> SafeString:
    text, kind = STANDINGS[found.standing]
    if found.standing == Standing.USED_UP and not found.state.hard:
        text = "Over the limit"
    return pill(text, kind)


def used(state: BudgetState) -> SafeString:
    """How much of the limit is spent or held: a bar, and the same in words."""
    share = state.used_share
    kind: Kind = "bad" if share >= 1 else "warn" if share >= NEAR else "ok"
    return format_html(
        '<span class="l-nowrap"><meter min="0" max="1" value="{}" aria-label="Used of {}"></meter>'
        " {}</span>",
        f"{max(0, min(share, 1)):.3f}",
        state.name,
        pill(f"{share:.0%}", kind),
    )


def spent_of(state: BudgetState) -> SafeString:
    """What is spent, of what, and what is committed: spent or held by running calls."""
    words = format_html(
        '<span class="l-nowrap">{} of {}</span>',
        money(state.posted_pico),
        money(state.limit_pico),
    )
    committed = money(state.posted_pico + state.held_pico)
    return format_html("{}<br>{}<br>{} committed", words, used(state), committed)


def runs_out(found: Overview) -> str:
    """In words: the day, or why there is none."""
    state, day = found.state, found.outlook.runs_out
    if not found.budget.active or state.length is not None:
        return NOTHING
    if found.standing == Standing.USED_UP:
        return "used up"
    if day is not None:
        return f"on {of_day(day)}"
    if not found.outlook.method and state.posted_pico:
        return "too early to say"
    return "not in this period" if state.ends_at else "not within a year"


def of_day(day: date) -> str:
    """“24 Nov”, with the year where it is not this one."""
    return f"{day:%-d %b}" if day.year == timezone.localdate().year else f"{day:%-d %b %Y}"


def crossing(row: ThresholdCrossing | None) -> SafeString:
    """A threshold that was reached, and when."""
    if row is None:
        return format_html("{}", NOTHING)
    words = f"{row.percent} % {_BASES[row.basis]}"
    return format_html('<span class="l-nowrap">{}</span><br>{}', words, short_time(row.at))


def delivery(alert: Alert) -> SafeString:
    """What became of a message."""
    if alert.delivered_at is None:
        return pill(f"after {alert.tries} tries: {alert.error}" if alert.tries else "soon", "warn")
    tries = "" if alert.tries <= 1 else f" at try {alert.tries}, before: {alert.error}"
    return format_html("{} {}{}", pill("Delivered", "ok"), short_time(alert.delivered_at), tries)


def limit(state: BudgetState) -> SafeString:
    """The limit, and what it is made of."""
    parts = [("carried over", state.carried_pico), ("raised", state.raised_pico)]
    rest = format_html_join("", ", {} {}", ((text, money(part)) for text, part in parts if part))
    return format_html("{}{}", money(state.limit_pico), rest)


def span(*, starts_at: datetime, ends_at: datetime | None, zone: str) -> SafeString:
    """The days of a window, first and last, in the budget's own zone; hovering shows instants."""
    if ends_at is None:
        return format_html("{}", "lifetime")
    days = days_of(starts_at=starts_at, ends_at=ends_at, zone=zone)
    title = f"{starts_at:%Y-%m-%d %H:%M} to {ends_at:%Y-%m-%d %H:%M} UTC"
    return format_html('<span class="l-nowrap" title="{}">{}</span>', title, days)


def days_of(*, starts_at: datetime, ends_at: datetime, zone: str) -> str:
    first, last = (at.astimezone(ZoneInfo(zone)) for at in (starts_at, ends_at - INSTANT))
    if first.date() == last.date():
        return f"{first:%d %b %Y}"
    return f"{first:%d %b} – {last:%d %b %Y}"


def period(found: Overview) -> SafeString:
    state, budget = found.state, found.budget
    if state.length is not None:
        return format_html("the last {} {}", budget.length, budget.period)
    return span(starts_at=state.starts_at, ends_at=state.ends_at, zone=budget.time_zone)
