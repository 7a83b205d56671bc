"""What calls that a young budget counts cost on days before it was made, for its forecast.

It does not count them itself. Days are those of the reporting zone, whatever the budget's own is:
a forecast by weekdays bears hours of difference.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from psycopg import sql

from apps.budgets.models import Budget
from apps.budgets.selectors import days_known
from apps.core.money import Pico
from apps.ledger import report_sql
from apps.ledger.models import EntryKind
from apps.ledger.reports import Days, run_report

_NO_CALLS = [EntryKind.PROVIDER_ADJUSTMENT, EntryKind.CREDIT]
# Summed once by all that any of them asks for: few rows are left, which each of them looks through.
_ALL = """
    SELECT * FROM (
        WITH spent AS MATERIALIZED (
            SELECT {by}, sum(amount_pico) AS amount FROM cost
            WHERE kind <> ALL(%(no_calls)s) GROUP BY {by}
        )
        {selects}
    ) AS found
"""
_OF_ONE = "SELECT {number}::int, day, sum(amount) FROM spent WHERE {which} GROUP BY day"


def days_of_calls(
    *, budgets: Collection[Budget], since: date, now: datetime
) -> dict[int, Mapping[date, Pico]]:
    """Budget id → what calls that it counts cost on each day from `since` on: what was posted
    (`days_known`), and until the day on which it was made what the ledger says. One query more for
    all that were made since, none where there are none. Of a tag, which no rollup has, nothing is
    added."""
    found: dict[int, Mapping[date, Pico]] = {**days_known(budgets=budgets, since=since)}
    young = [one for one in budgets if _made_on(one) >= since and "tag" not in one.scope]
    if young:
        earlier = _read(young, Days(since, now.date(), settings.REPORTING_TIME_ZONE))
        for one in young:
            made_on, own = _made_on(one), found.get(one.pk, {})
            before = {day: spent for day, spent in earlier[one.pk].items() if day <= made_on}
            found[one.pk] = {**own, **before}
    return found


def _made_on(budget: Budget) -> date:
    return budget.created_at.astimezone(ZoneInfo(budget.time_zone)).date()


def _read(budgets: Collection[Budget], days: Days) -> Mapping[int, Mapping[date, Pico]]:
    used = sorted({name for one in budgets for name in one.scope})
    selects = [_of_one(place, budget) for place, budget in enumerate(budgets)]
    comma = sql.SQL(", ")
    select = sql.SQL(_ALL).format(
        by=comma.join(map(sql.Identifier, ("day", *used))),
        selects=sql.SQL(" UNION ALL ").join(selects),
    )
    columns = comma.join(map(sql.Identifier, ("kind", "amount_pico", *used)))
    statement = report_sql.statement(select, columns=columns, dimensions=used)
    values = {
        f"scope_{place}_{name}": value
        for place, budget in enumerate(budgets)
        for name, value in budget.scope.items()
    }
    found: dict[int, dict[date, Pico]] = defaultdict(dict)
    ids = [budget.pk for budget in budgets]
    for place, day, spent in run_report(
        statement, days, values | {"no_calls": _NO_CALLS}, months=False
    ):
        found[ids[place]][day] = int(spent)
    return found


def _of_one(place: int, budget: Budget) -> sql.Composable:
    tests: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(f"scope_{place}_{name}"))
        for name in budget.scope
    ]
    which = sql.SQL(" AND ").join(tests or [sql.SQL("true")])
    return sql.SQL(_OF_ONE).format(number=sql.Literal(place), which=which)
