"""Usage: requests, tokens, costs and savings, by any dimensions and by day or month.

The same rules as the cost report (`reports`): days of the reporting zone, sums over entries, one
statement over rollups and the entries that they do not hold yet. So page, API and ledger say the
same, whenever the rollups were moved. Tokens of answers from our cache were not sent: they stand
apart from those that were.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any, Literal

from psycopg import sql

from apps.core.money import Pico
from apps.ledger import report_sql
from apps.ledger.models.rollup_keys import MEASURES
from apps.ledger.reports import Days, run_report

DIMENSIONS = (
    "service",
    "team",
    "cost_center",
    "provider",
    "model",
    "deployment",
    "prompt",
    "prompt_version",
    "purpose",
)
Period = Literal["", "day", "month"]
Key = str | int | date
_SENT = sql.SQL("kind <> %(hit)s")
_MEASURED = ("kind", *(name for name in MEASURES if name != "entries"))
_SELECT = """
    SELECT * FROM (
        SELECT {keys},
            coalesce(sum(entries) FILTER (WHERE kind = ANY(%(calls)s)), 0),
            coalesce(sum(entries) FILTER (WHERE kind = %(hit)s), 0),
            coalesce(sum(input_tokens) FILTER (WHERE {sent}), 0),
            coalesce(sum(output_tokens) FILTER (WHERE {sent}), 0),
            sum(cached_tokens),
            coalesce(sum(input_tokens + output_tokens) FILTER (WHERE kind = %(hit)s), 0),
            sum(saved_tokens), sum(amount_pico), sum(avoided_pico)
        FROM cost {where} GROUP BY {keys}
    ) AS found {after} ORDER BY {keys} LIMIT %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over entries. `requests`: answered or billed attempts and answers from our cache, of
    which `cached` were the latter. Input and output are what providers billed; of the input they
    had `provider_cached` tokens in caches of theirs. `cache_saved` tokens were answered by our
    cache, `fit_saved` were left out of prompts that were too long."""

    requests: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    provider_cached_tokens: int = 0
    cache_saved_tokens: int = 0
    fit_saved_tokens: int = 0
    amount_pico: Pico = 0
    avoided_pico: Pico = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    @property
    def tokens(self) -> int:
        """Sent and received."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class UsageRow:
    """`keys`: the period's first day, if there is one, then the values of the dimensions."""

    keys: tuple[Key, ...]
    usage: Usage


def usage_rows(
    *,
    days: Days,
    group_by: Sequence[str] = ("model",),
    period: Period = "",
    service: str = "",
    after: Sequence[Key] = (),
    limit: int | None = None,
) -> list[UsageRow]:
    """Ordered by their keys, those `after` the given ones. `service` leaves all others out."""
    keys = [*([period] if period else []), *group_by]
    values: dict[str, Any] = {"service": service, "limit": limit}
    values |= {f"after_{n}": value for n, value in enumerate(after)}
    statement = _statement(tuple(keys), bool(service), bool(after))
    rows = run_report(statement, days, values, months=period != "day")
    width = len(keys)
    return [UsageRow(tuple(row[:width]), Usage(*map(int, row[width:]))) for row in rows]


def usage_by_group(*, days: Days, dimension: str, service: str = "") -> dict[str, Usage]:
    rows = usage_rows(days=days, group_by=(dimension,), service=service)
    return {str(row.keys[0]): row.usage for row in rows}


def _statement(keys: tuple[str, ...], has_service: bool, has_after: bool) -> str:
    named = sql.SQL(", ").join(map(sql.Identifier, keys))
    places = sql.SQL(", ").join(sql.Placeholder(f"after_{n}") for n in range(len(keys)))
    select = sql.SQL(_SELECT).format(
        keys=named,
        sent=_SENT,
        where=sql.SQL("WHERE service = %(service)s") if has_service else sql.SQL(""),
        after=sql.SQL("WHERE ({}) > ({})").format(named, places) if has_after else sql.SQL(""),
    )
    asked = [name for name in DIMENSIONS if name in keys or (has_service and name == "service")]
    columns = sql.SQL(", ").join(map(sql.Identifier, (*_MEASURED, *asked)))
    return report_sql.statement(select, columns=columns, dimensions=asked)
