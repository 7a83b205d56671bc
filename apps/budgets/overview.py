"""Budgets as finance looks over them: where each stands and what is expected of it, the most
endangered first. So many queries whatever their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum

from apps.budgets.earlier import days_of_calls
from apps.budgets.models import Budget, ThresholdCrossing
from apps.budgets.outlook import Outlook, first_day_needed, outlook
from apps.budgets.selectors import rooms_now, state_of
from apps.budgets.types import BudgetState
from apps.budgets.windows import bounds_now

NEAR = 0.8  # of a limit


class Standing(IntEnum):
    """The most endangered first."""

    USED_UP = 1  # what was spent has reached the limit
    FULL = 2  # with what running calls hold
    RUNS_OUT = 3  # before the window ends, says the forecast
    NEAR = 4
    FINE = 5
    UNUSED = 6
    CLOSED = 7  # a limit of 0: nothing is meant to be spent
    OFF = 8


@dataclass(frozen=True, slots=True)
class Overview:
    """A budget in its window of now; `latest` is the threshold that was reached last in it."""

    budget: Budget
    state: BudgetState
    outlook: Outlook
    latest: ThresholdCrossing | None

    @property
    def standing(self) -> Standing:
        if not self.budget.active:
            return Standing.OFF
        state = self.state
        if state.posted_pico + state.held_pico <= 0:
            return Standing.UNUSED if state.limit_pico else Standing.CLOSED
        if state.posted_pico >= state.limit_pico:
            return Standing.USED_UP
        if state.used_share >= 1:
            return Standing.FULL
        if self.outlook.runs_out and state.ends_at:
            return Standing.RUNS_OUT
        return Standing.NEAR if state.used_share >= NEAR else Standing.FINE

    @property
    def danger(self) -> tuple[Standing, date, float, str]:
        """Sorts the most endangered first: what stands worse, what runs out sooner, what has less
        left."""
        runs_out = self.outlook.runs_out or date.max
        return self.standing, runs_out, -self.state.used_share, self.budget.slug


def overviews(*, budgets: Sequence[Budget], now: datetime) -> list[Overview]:
    """In the given order."""
    if not budgets:
        return []
    rooms, bounds = rooms_now(budgets=budgets, now=now), bounds_now(budgets, now)
    known = days_of_calls(budgets=budgets, since=first_day_needed(now), now=now)
    latest = _latest([room.window_id for room in rooms.values() if room.window_id])
    found = []
    for budget in budgets:
        room = rooms[budget.pk]
        state = state_of(budget, room, bounds[budget.pk])
        days = known.get(budget.pk, {})
        expected = outlook(state=state, zone=budget.time_zone, known=days, now=now)
        found.append(Overview(budget, state, expected, latest.get(room.window_id)))
    return found


def _latest(windows: Sequence[int]) -> dict[int, ThresholdCrossing]:
    if not windows:
        return {}
    rows = ThresholdCrossing.objects.filter(window__in=windows).select_related("alert")
    return {row.window_id: row for row in rows.order_by("window_id", "-id").distinct("window_id")}
