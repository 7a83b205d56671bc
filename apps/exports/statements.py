"""A month's costs for those who bear them: a statement for each team or cost centre, and one for
what belongs to none. Together they are the month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from psycopg import sql

from apps.core.money import Pico
from apps.exports import entry_sql
from apps.finance.query import Query
from apps.finance.selectors import cost_rows, total
from apps.finance.types import Sums
from apps.ledger.models import EntryKind, Period, PeriodStatus
from apps.ledger.months import end_of_month
from apps.ledger.reports import Days

BEARERS = {"team": "Team", "cost_center": "Cost centre"}
MOST_CORRECTIONS = 200


@dataclass(frozen=True, slots=True)
class Line:
    keys: tuple[str, ...]
    sums: Sums


@dataclass(frozen=True, slots=True)
class Correction:
    """Booked in a later month, whose first day is `booked`, than that of `day`."""

    day: date
    booked: date
    kind: str
    service: str
    model: str
    reason: str
    entries: int
    amount_pico: Pico


@dataclass(frozen=True, slots=True)
class Corrections:
    """The oldest days first, at most `MOST_CORRECTIONS` rows; count, entries and net are of all."""

    rows: tuple[Correction, ...] = ()
    count: int = 0
    entries: int = 0
    net_pico: Pico = 0

    @property
    def has_more(self) -> bool:
        return self.count > len(self.rows)


@dataclass(frozen=True, slots=True)
class Statement:
    query: Query
    lines: list[Line]
    total: Sums
    corrections: Corrections
    """Of the total, what was booked for days of earlier months."""
    later: Corrections
    """Booked since for days of this month, and no part of its total."""
    period: Period | None
    """None: the month has not ended, or nobody looked at *Month close* since."""

    @property
    def state(self) -> str:
        """Of the month, in words."""
        if self.period is None:
            return "Open: entries may still be dated into it."
        if self.period.seal:
            return "Closed: nothing in it changes any more."
        if self.period.status == PeriodStatus.SOFT_CLOSED:
            return "Soft-closed: only adjustments and credits are still dated into it."
        return "Open: it has ended; entries may still be dated into it."

    @property
    def own_pico(self) -> Pico:
        """Of the total, what is of days of this month."""
        return self.total.amount_pico - self.corrections.net_pico

    @property
    def mended_pico(self) -> Pico:
        """What the days of this month come to as it is known today, whatever month it stands in."""
        return self.own_pico + self.later.net_pico

    @property
    def adds_up(self) -> bool:
        """Whether the lines are the total, which was read without any grouping."""
        return sum(line.sums.amount_pico for line in self.lines) == self.total.amount_pico


def in_words(by: str, name: str) -> str:
    """Whose statement it is."""
    return f"{BEARERS[by]} {name}" if name else f"Costs of no {BEARERS[by].lower()}"


def month_query(*, month: date, zone: str, group_by: Sequence[str]) -> Query:
    days = Days(month, end_of_month(month), zone)
    return Query(days=days, group_by=tuple(group_by), compare="none")


def statements(*, month: date, by: str, zone: str) -> tuple[list[Line], Sums]:
    """The total of each bearer, the unattributed one always among them, and that of the month."""
    query = month_query(month=month, zone=zone, group_by=[by])
    found = {(str(row.keys[0]),): row.sums for row in cost_rows(query=query, keys=[by])}
    found.setdefault(("",), Sums())
    lines = [Line(keys, sums) for keys, sums in found.items()]
    return sorted(lines, key=lambda line: (line.keys == ("",), line.keys)), total(query=query)


def statement(*, month: date, by: str, name: str, zone: str) -> Statement:
    """Of one bearer, by service and model; `name` empty: of what belongs to none."""
    keys = ("service", "model")
    query = month_query(month=month, zone=zone, group_by=keys).with_filter(by, name)
    return Statement(
        query=query,
        lines=[
            Line(tuple(map(str, row.keys)), row.sums) for row in cost_rows(query=query, keys=keys)
        ],
        total=total(query=query),
        corrections=_corrections(entry_sql.corrections(query, limit=MOST_CORRECTIONS)),
        later=_corrections(entry_sql.later_corrections(query, limit=MOST_CORRECTIONS)),
        period=Period.objects.filter(month=month).first(),
    )


def _corrections(found: sql.Composed) -> Corrections:
    with connection.cursor() as cursor:
        cursor.execute(found)
        rows = cursor.fetchall()
    if not rows:
        return Corrections()
    count, entries, net = rows[0][8:]
    return Corrections(tuple(_correction(*row[:8]) for row in rows), count, entries, int(net))


def _correction(day: date, booked: date, kind: str, *rest: Any) -> Correction:
    service, model, reason, entries, amount = rest
    label = str(dict(EntryKind.choices)[kind])
    return Correction(day, booked, label, service, model, reason, entries, int(amount))
