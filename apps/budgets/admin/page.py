"""What the page of one budget shows above its form."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Max, Sum
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.budgets.admin import cells
from apps.budgets.admin.what_if import what_if
from apps.budgets.changes import changes_of
from apps.budgets.course import course_of
from apps.budgets.drawing import burn_down, spent_by_day
from apps.budgets.earlier import days_of_calls
from apps.budgets.models import Budget, BudgetRaise, Refusal, ThresholdCrossing
from apps.budgets.outlook import accuracy
from apps.budgets.overview import Overview, Standing, overviews
from apps.budgets.selectors import days_known
from apps.core.admin import money
from apps.core.admin.cells import NOTHING
from apps.core.clock import db_now
from apps.core.money import Pico, short_usd
from apps.ledger.forecasting import BACK_TESTS, BASE, filled

LATEST = 50  # thresholds, and groups of refused calls
_HISTORY = timedelta(days=BASE + 7 * BACK_TESTS)  # and the window's length, for back-tests
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Card:
    label: str
    value: SafeString | str
    note: SafeString | str = ""


def page_of(request: HttpRequest, budget: Budget) -> dict[str, Any]:
    """The context of its template."""
    now = db_now()
    [found] = overviews(budgets=[budget], now=now)
    window = {"window__budget": budget.pk, "window__starts_at": found.state.starts_at}
    raises = list(BudgetRaise.objects.filter(**window).select_related("requested_by", "decided_by"))
    since = _first_day(found, now)
    course = course_of(found=found, raises=raises, now=now)
    error, days = _error(found, since, now), _days(found, since, now)
    return {
        "found": found,
        "title": budget.name,
        "subtitle": budget.slug if budget.slug != budget.name else None,
        "counts_since": _counts_since(found, now),
        "standing": cells.standing(found),
        "scope": cells.scope(budget.scope),
        "period": cells.period(found),
        "cards": _cards(found, error),
        "course": course,
        "days": days,
        "chart": (
            burn_down(course, committed=found.state.posted_pico + found.state.held_pico)
            if course
            else spent_by_day(days)
            if days
            else None
        ),
        "error": error,
        "raises": raises,
        "may_raise": budget.active and request.user.has_perm("budgets.add_budgetraise"),
        "may_change": request.user.has_perm("budgets.change_budget"),
        "sees_history": request.user.has_perm("audit.view_auditentry"),
        "crossings": _crossings(window),
        "refusals": _refusals(found, window),
        "changes": changes_of(budget),
        "what_if": what_if(budget=budget, asked=request.GET, now=now),
        "now": now,
    }


def _counts_since(found: Overview, now: datetime) -> datetime | None:
    """When it was made, where that is within what it shows: calls before do not count to it."""
    state, made_at = found.state, found.budget.created_at
    begins_at = now - state.length if state.length is not None else state.starts_at
    return made_at if made_at > begins_at else None


def _first_day(found: Overview, now: datetime) -> date:
    """That back-tests ask for."""
    length = found.state.ends_at - found.state.starts_at if found.state.ends_at else timedelta(0)
    return (now - _HISTORY - min(length, timedelta(days=366))).date()


def _error(found: Overview, since: date, now: datetime) -> str:
    """How far off such forecasts were, in words."""
    if found.outlook.method != "weekdays" or found.outlook.total is None:
        return ""
    budget, today = found.budget, now.astimezone(ZoneInfo(found.budget.time_zone)).date()
    known = days_of_calls(budgets=[budget], since=since, now=now).get(budget.pk, {})
    error, tests = accuracy(known=known, today=today, ahead=len(found.outlook.to_come))
    if error is None:
        return "too few days to say how sure"
    return f"± {error:.0%}, by {tests} back-test{'s' if tests > 1 else ''}"


def _days(found: Overview, since: date, now: datetime) -> list[tuple[str, Pico]]:
    """Of what rolls: what was spent on each of the days before."""
    length, budget = found.state.length, found.budget
    known = days_known(budgets=[budget], since=since).get(budget.pk) if length else None
    if length is None or not known:
        return []
    today = now.astimezone(ZoneInfo(found.budget.time_zone)).date()
    days = filled(known, today - max(length, 14 * _DAY), today)
    return [(f"{day:%-d %b}", amount) for day, amount in days.items()]


def _cards(found: Overview, error: str) -> list[Card]:
    state = found.state
    share = f"{state.posted_pico / state.limit_pico:.0%}" if state.limit_pico else "all"
    left = state.limit_pico - state.posted_pico - state.held_pico
    return [
        Card("Spent", money(state.posted_pico), format_html("{} of {}", share, cells.limit(state))),
        Card(
            "Committed",
            money(state.posted_pico + state.held_pico),
            format_html("{} held by running calls", money(state.held_pico)),
        ),
        Card("Left", money(max(0, left)), _beyond(found, left)),
        Card("Forecast", *_forecast(found, error)),
        Card("Runs out", cells.runs_out(found), _at_the_pace(found)),
        Card("Starts anew", *_reset(found)),
    ]


def _beyond(found: Overview, left: Pico) -> str:
    if left < 0:
        return f"{short_usd(-left)} beyond the limit"
    if found.state.overrun_pico:
        return f"{short_usd(found.state.overrun_pico)} cost more than was held"
    return "for calls that begin now"


def _forecast(found: Overview, error: str) -> tuple[SafeString | str, str]:
    if found.outlook.total is None:
        return NOTHING, _why_no_forecast(found)
    how = error if found.outlook.method == "weekdays" else "at the pace so far; too few days yet"
    return money(found.outlook.total), how


def _why_no_forecast(found: Overview) -> str:
    if found.state.ends_at is None:
        return "no end to forecast"
    return "too early to say" if found.state.posted_pico else "nothing to go by: nothing was spent"


def _at_the_pace(found: Overview) -> str:
    if found.standing == Standing.USED_UP:
        return "calls are refused" if found.state.hard else "calls are marked, not refused"
    how = {"weekdays": "if days go on like their weekdays", "pace": "at the pace so far", "": ""}
    return how[found.outlook.method]


def _reset(found: Overview) -> tuple[str, str]:
    """In the budget's own zone."""
    budget, state = found.budget, found.state
    if state.length is not None:
        return "rolls on", f"calls stop counting after {budget.length} {budget.period}"
    if state.ends_at is None:
        return "never", "a lifetime has one window"
    at = state.ends_at.astimezone(ZoneInfo(budget.time_zone))
    return f"{at:%-d %b %Y}", f"{at:%H:%M} in {budget.time_zone}"


def _crossings(window: dict[str, Any]) -> list[tuple[ThresholdCrossing, SafeString]]:
    rows = ThresholdCrossing.objects.filter(**window).select_related("alert")
    return [(row, cells.delivery(row.alert)) for row in rows[:LATEST]]


def _refusals(found: Overview, window: dict[str, Any]) -> dict[str, Any]:
    """By service and model, and all together; of what rolls, those of its length."""
    rows = Refusal.objects.filter(**window)
    if found.state.length is not None:
        rows = rows.filter(hour__gt=db_now() - found.state.length)
    groups = list(
        rows.values("service", "model")
        .annotate(
            asked=Sum("calls"),
            waited=Sum("waiting"),
            no_price=Sum("unpriced"),
            needed=Sum("needed_pico"),
            latest=Max("latest_at"),
        )
        .order_by("-asked", "service", "model")
    )
    return {
        "rows": groups[:LATEST],
        "more": len(groups[LATEST:]),
        "calls": sum(row["asked"] for row in groups),
    }
