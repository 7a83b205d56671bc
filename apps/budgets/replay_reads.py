"""What a replay reads: sums of parts of a period, by service and model, and single entries."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from psycopg import sql

from apps.core.money import Pico
from apps.ledger import report_sql
from apps.ledger.models import EntryKind
from apps.ledger.reports import CALLS, Days, run_report

SHORT = timedelta(days=2)  # a period that is read by the hour from the start
_DAY = timedelta(days=1)
_HELD = [kind for kind in CALLS if kind != EntryKind.CACHE_HIT]
_NO_CALLS = [EntryKind.PROVIDER_ADJUSTMENT, EntryKind.CREDIT]
# `most`: what a running sum rises by at most within the part. Only reversals are below zero.
_SUMS: LiteralString = """
    SELECT {at}, service, model, coalesce(sum({count}) FILTER (WHERE kind = ANY(%(held)s)), 0),
        sum(amount_pico), sum(greatest(amount_pico, 0))
    FROM {source} WHERE {which} AND kind <> ALL(%(no_calls)s)
    GROUP BY 1, 2, 3 ORDER BY 1
"""
_LINES: LiteralString = """
    SELECT at, service, model, (kind = ANY(%(held)s))::int, amount_pico FROM ledger_entry
    WHERE {which} AND kind <> ALL(%(no_calls)s) ORDER BY at, id
"""


@dataclass(frozen=True, slots=True)
class Group:
    of: tuple[str, str]
    calls: int
    amount: Pico
    most: Pico


@dataclass(frozen=True, slots=True)
class Part:
    """Entries from `starts_at` to before `ends_at`, summed."""

    starts_at: datetime
    ends_at: datetime
    groups: Sequence[Group]

    @property
    def calls(self) -> int:
        return sum(group.calls for group in self.groups)

    @property
    def amount(self) -> Pico:
        return sum(group.amount for group in self.groups)

    @property
    def most(self) -> Pico:
        return sum(group.most for group in self.groups)


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    of: tuple[str, str]
    calls: int
    amount: Pico


def parts_of(*, scope: Mapping[str, str], starts_at: datetime, ends_at: datetime) -> list[Part]:
    """All of the period in order: days of the reporting zone, its first and last ones cut to the
    period; a short period by the hour."""
    if ends_at - starts_at <= SHORT:
        return _from_entries(scope, "hour", starts_at, ends_at)
    if "tag" in scope:
        return _from_entries(scope, "day", starts_at, ends_at)
    days = _whole_days(starts_at, ends_at)
    first, end = days.bounds
    return [
        *(_from_entries(scope, "day", starts_at, first) if starts_at < first else ()),
        *_from_rollups(scope, days),
        *(_from_entries(scope, "day", end, ends_at) if end < ends_at else ()),
    ]


def parts_by_hour(*, scope: Mapping[str, str], part: Part) -> list[Part]:
    return _from_entries(scope, "hour", part.starts_at, part.ends_at)


def lines_of(*, scope: Mapping[str, str], part: Part) -> Iterable[Line]:
    """Its entries, in the order of their booking."""
    which, values = _which(scope, part.starts_at, part.ends_at)
    rows = _rows(sql.SQL(_LINES).format(which=which), values)
    return [Line(at, (service, model), calls, amount) for at, service, model, calls, amount in rows]


def _from_entries(
    scope: Mapping[str, str], unit: str, starts_at: datetime, ends_at: datetime
) -> list[Part]:
    which, values = _which(scope, starts_at, ends_at)
    select = sql.SQL(_SUMS).format(
        at=sql.SQL("date_trunc(%(unit)s, at, %(zone)s)"),
        count=sql.SQL("1"),
        source=sql.Identifier("ledger_entry"),
        which=which,
    )
    zone = "UTC" if unit == "hour" else settings.REPORTING_TIME_ZONE
    cuts = _cuts(unit, starts_at, ends_at)
    rows = _rows(select, values | {"unit": unit, "zone": zone})
    return _parts(rows, list(zip(cuts, [*cuts[1:], ends_at], strict=True)))


def _from_rollups(scope: Mapping[str, str], days: Days) -> list[Part]:
    used = ("service", "model", *(name for name in scope if name not in ("service", "model")))
    columns = sql.SQL(", ").join(map(sql.Identifier, ("kind", "amount_pico", *used)))
    select = sql.SQL(_SUMS).format(
        at=sql.Identifier("day"),
        count=sql.Identifier("entries"),
        source=sql.Identifier("cost"),
        which=sql.SQL(" AND ").join(_equal(scope)),
    )
    statement = report_sql.statement(select, columns=columns, dimensions=used)
    rows = run_report(statement, days, _values(scope), months=False)
    bounds = {day: Days(day, day, days.zone).bounds for day in days.all}
    return _parts(((bounds[day][0], *rest) for day, *rest in rows), list(bounds.values()))


def _parts(
    rows: Iterable[tuple[Any, ...]], bounds: Sequence[tuple[datetime, datetime]]
) -> list[Part]:
    starts = [start for start, _ in bounds]
    groups: list[list[Group]] = [[] for _ in bounds]
    for at, service, model, calls, amount, most in rows:
        made = Group((service, model), int(calls), int(amount), int(most))
        groups[max(0, bisect_right(starts, at) - 1)].append(made)
    return [Part(*bound, found) for bound, found in zip(bounds, groups, strict=True)]


def _cuts(unit: str, starts_at: datetime, ends_at: datetime) -> list[datetime]:
    """Where parts begin: the start, then each full hour or midnight of the reporting zone."""
    name = settings.REPORTING_TIME_ZONE
    if unit == "hour":
        first = starts_at.replace(minute=0, second=0, microsecond=0)
        count = -((first - ends_at) // timedelta(hours=1))
        later = [first + timedelta(hours=n) for n in range(1, count)]
    else:
        day, last = (at.astimezone(ZoneInfo(name)).date() for at in (starts_at, ends_at))
        later = [Days(one, one, name).bounds[0] for one in Days(day + _DAY, last, name).all]
    return [starts_at, *(at for at in later if starts_at < at < ends_at)]


def _whole_days(starts_at: datetime, ends_at: datetime) -> Days:
    """Those of the reporting zone that lie in the period as a whole."""
    name = settings.REPORTING_TIME_ZONE
    first, last = (at.astimezone(ZoneInfo(name)).date() for at in (starts_at, ends_at))
    if Days(first, first, name).bounds[0] < starts_at:
        first += _DAY
    return Days(first, last - _DAY, name)


def _which(
    scope: Mapping[str, str], starts_at: datetime, ends_at: datetime
) -> tuple[sql.Composable, dict[str, Any]]:
    tests = [sql.SQL("at >= %(starts_at)s"), sql.SQL("at < %(ends_at)s"), *_equal(scope)]
    values = _values(scope) | {"starts_at": starts_at, "ends_at": ends_at}
    return sql.SQL(" AND ").join(tests), values


def _equal(scope: Mapping[str, str]) -> list[sql.Composable]:
    tests: list[sql.Composable] = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(f"scope_{name}"))
        for name in scope
        if name != "tag"
    ]
    if "tag" in scope:
        tests.append(sql.SQL("tags @> jsonb_build_array(%(scope_tag)s::text)"))
    return tests or [sql.SQL("true")]


def _values(scope: Mapping[str, str]) -> dict[str, Any]:
    named = {f"scope_{name}": value for name, value in scope.items()}
    return named | {"held": _HELD, "no_calls": _NO_CALLS}


def _rows(select: sql.Composable, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(select.as_string(None), values)
        return list(cursor.fetchall())
