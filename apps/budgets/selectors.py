"""Reads of budgets."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from apps.budgets.admission import Room, admit
from apps.budgets.carry import carried_over
from apps.budgets.locking import window_ids_of
from apps.budgets.models import Budget, Hold
from apps.budgets.rolling import length_of
from apps.budgets.rooms import read_rooms
from apps.budgets.types import (
    BudgetExceeded,
    BudgetFacts,
    BudgetLeft,
    BudgetState,
    Difference,
    Foreseen,
    HoldRequest,
    IsBudget,
)
from apps.budgets.wanted import Wanted
from apps.budgets.windows import bounds_now
from apps.core.money import Pico

# One statement sees one moment: what windows say, and what holds and the ledger add up to.
_DIFFERENCES = """
    WITH posted AS (
        SELECT link.window_id, sum(entry.amount_pico) AS amount
        FROM budgets_holdwindow link JOIN ledger_entry entry ON entry.attempt_id = link.hold_id
        GROUP BY link.window_id
    ), held AS (
        SELECT link.window_id, sum(hold.amount_pico - hold.posted_pico) AS amount
        FROM budgets_holdwindow link JOIN budgets_hold hold ON hold.id = link.hold_id
        WHERE hold.status = 'held'
        GROUP BY link.window_id
    ), bucket AS (
        SELECT window_id, sum(posted_pico) AS posted, sum(held_pico) AS held
        FROM budgets_bucket GROUP BY window_id
    ), day AS (
        SELECT window_id, sum(posted_pico) AS posted FROM budgets_windowday GROUP BY window_id
    )
    SELECT budget.slug, w.starts_at, what.name, what.recorded, what.computed
    FROM budgets_window w
    JOIN budgets_budget budget ON budget.id = w.budget_id
    LEFT JOIN posted ON posted.window_id = w.id
    LEFT JOIN held ON held.window_id = w.id
    LEFT JOIN bucket ON bucket.window_id = w.id
    LEFT JOIN day ON day.window_id = w.id
    CROSS JOIN LATERAL (VALUES
        ('posted', w.posted_pico, coalesce(posted.amount, 0)),
        ('held', w.held_pico, coalesce(held.amount, 0)),
        ('posted by day', w.posted_pico, coalesce(day.posted, 0)),
        ('posted in buckets', coalesce(bucket.posted, w.posted_pico), w.posted_pico),
        ('held in buckets', coalesce(bucket.held, w.held_pico), w.held_pico)
    ) AS what(name, recorded, computed)
    WHERE what.recorded <> what.computed
    ORDER BY w.id, what.name
"""


# Amounts as text: a list of 500 budgets reads some 14,000, and a Decimal takes longer than an int.
_DAYS = """
    SELECT w.budget_id, d.day, sum(d.posted_pico)::text
    FROM budgets_windowday d JOIN budgets_window w ON w.id = d.window_id
    WHERE w.budget_id = ANY(%s) AND d.day >= %s GROUP BY 1, 2
"""


def hold_amounts(*, hold_ids: Collection[UUID]) -> Mapping[UUID, Pico]:
    """What each of these attempts may have cost at most, whatever became of its hold."""
    return dict(Hold.objects.filter(pk__in=hold_ids).values_list("pk", "amount_pico"))


def budgets_of(*, service: str, team: str, cost_center: str) -> QuerySet[Budget]:
    """Active budgets that some call of the service counts to, whatever it calls."""
    return Budget.objects.filter(
        active=True,
        service__in=["", service],
        team__in=["", team],
        cost_center__in=["", cost_center],
    )


def budget_states(*, budgets: Sequence[Budget], now: datetime) -> list[BudgetState]:
    """Each budget in its window of now, in the given order; so many queries whatever their
    number."""
    rooms = rooms_now(budgets=budgets, now=now)
    bounds = bounds_now(budgets, now)
    return [state_of(budget, rooms[budget.pk], bounds[budget.pk]) for budget in budgets]


def state_of(budget: Budget, room: Room, bounds: tuple[datetime, datetime | None]) -> BudgetState:
    """In the window with these bounds."""
    return BudgetState(
        slug=budget.slug,
        name=budget.name,
        scope=budget.scope,
        period=budget.period,
        length=room.length,
        hard=budget.hard,
        limit_pico=room.limit,
        carried_pico=room.carried,
        raised_pico=room.raised,
        posted_pico=room.posted,
        held_pico=room.held,
        overrun_pico=room.overrun,
        starts_at=bounds[0],
        ends_at=bounds[1],
    )


def rooms_now(*, budgets: Sequence[IsBudget], now: datetime) -> dict[int, Room]:
    """Budget id → its room at this moment, not locked. A window that nobody has asked for room in
    yet (`window_id` 0) is as it would be made."""
    bounds = bounds_now(budgets, now)
    rooms = {
        room.budget_id: room
        for room in read_rooms(window_ids_of(bounds).values(), now=now, lock=False).values()
    }
    missing = [budget for budget in budgets if budget.id not in rooms]
    carried = carried_over(missing, bounds)
    for budget in missing:
        rooms[budget.id] = _unmade(budget, bounds[budget.id], carried.get(budget.id, 0), now)
    return rooms


def days_known(*, budgets: Collection[Budget], since: date) -> dict[int, dict[date, Pico]]:
    """Budget id → what was posted on each day of its own zone, from `since` on; days without are
    left out, and so are budgets without. One query, whatever their number."""
    known: dict[int, dict[date, Pico]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, [[budget.pk for budget in budgets], since])
        for budget_id, day, posted in cursor.fetchall():
            known[budget_id][day] = int(posted)
    return dict(known)


def foresee(*, request: HoldRequest, budgets: Sequence[BudgetFacts], now: datetime) -> Foreseen:
    """What an admission would answer at this moment. Holds nothing and promises nothing."""
    wanted = Wanted(request, budgets)
    concerned = {budget.id: budget for budget in wanted.concerned}
    rooms = rooms_now(budgets=list(concerned.values()), now=now) if concerned else {}
    left = tuple(_left(room, request) for room in wanted.rooms(rooms))
    found = admit(request, wanted.rooms(rooms), wanted.cheaper_rooms(rooms), now=now)
    if isinstance(found, BudgetExceeded):
        return Foreseen(left, found, None)
    return Foreseen(left, found.answer, found.request.amount_pico)


def verify_windows() -> list[Difference]:
    """Where a window's counters differ from the ledger or from its open holds: nowhere."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES)
        return [
            Difference(
                f"{name} of budget {slug} from {start:%Y-%m-%d}", int(recorded), int(computed)
            )
            for slug, start, name, recorded, computed in cursor.fetchall()
        ]


def _left(room: Room, request: HoldRequest) -> BudgetLeft:
    return BudgetLeft(
        slug=room.budget,
        hard=room.hard,
        limit_pico=room.limit,
        remaining_pico=max(0, room.left),
        fits=request.priced and request.amount_pico <= room.left,
    )


def _unmade(
    budget: IsBudget, bounds: tuple[datetime, datetime | None], carried: Pico, now: datetime
) -> Room:
    return Room(
        window_id=0,
        read_at=now,
        budget_id=budget.id,
        budget=budget.slug,
        hard=budget.hard,
        limit=budget.limit_pico + carried,
        carried=carried,
        ends_at=bounds[1],
        period_at=bounds[0],
        length=length_of(budget.period, budget.length),
        on_exceeded=budget.on_exceeded,
        cheaper_model=budget.cheaper_model,
        min_output_tokens=budget.min_output_tokens,
    )
