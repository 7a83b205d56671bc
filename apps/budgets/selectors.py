"""Reads of budgets."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from apps.budgets.models import Budget, Hold, Window
from apps.budgets.types import BudgetState, Difference
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
    )
    SELECT budget.slug, w.starts_at, what.name, what.recorded, what.computed
    FROM budgets_window w
    JOIN budgets_budget budget ON budget.id = w.budget_id
    LEFT JOIN posted ON posted.window_id = w.id
    LEFT JOIN held ON held.window_id = w.id
    CROSS JOIN LATERAL (VALUES
        ('posted', w.posted_pico, coalesce(posted.amount, 0)),
        ('held', w.held_pico, coalesce(held.amount, 0))
    ) AS what(name, recorded, computed)
    WHERE what.recorded <> what.computed
    ORDER BY w.id, what.name
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
    """Each budget in its window of now, in the given order; always one query."""
    bounds = bounds_now(budgets, now)
    starts = {start for start, _ in bounds.values()}
    found = Window.objects.filter(budget__in=bounds, starts_at__in=starts)
    windows = {(window.budget_id, window.starts_at): window for window in found}
    return [
        _state(budget, windows.get((budget.pk, bounds[budget.pk][0])), bounds[budget.pk])
        for budget in budgets
    ]


def verify_windows() -> list[Difference]:
    """Where a window's counters differ from the ledger or from its open holds: nowhere."""
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES)
        return [
            Difference(f"{name} of budget {slug} from {start:%Y-%m-%d}", recorded, int(computed))
            for slug, start, name, recorded, computed in cursor.fetchall()
        ]


def _state(
    budget: Budget, window: Window | None, bounds: tuple[datetime, datetime | None]
) -> BudgetState:
    return BudgetState(
        slug=budget.slug,
        name=budget.name,
        scope=budget.scope,
        period=budget.period,
        hard=budget.hard,
        limit_pico=budget.limit_pico,
        posted_pico=window.posted_pico if window else 0,
        held_pico=window.held_pico if window else 0,
        overrun_pico=window.overrun_pico if window else 0,
        starts_at=bounds[0],
        ends_at=bounds[1],
    )
