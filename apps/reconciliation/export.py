"""The lines of a statement's comparison as CSV: exact amounts, every column."""

from collections.abc import Iterator
from datetime import datetime

from apps.core.csv_lines import csv_lines
from apps.core.money import exact_usd
from apps.reconciliation.models import Statement
from apps.reconciliation.selectors import Found, columns_of
from apps.reconciliation.types import Column

_HEAD = (
    *("day", "model", "meter", "ours_units", "theirs_units", "ours_usd", "theirs_usd"),
    *("difference_usd", *(f"{column}_usd" for column in Column), "open_usd"),
)


def lines_csv(statement: Statement, found: Found, *, now: datetime) -> Iterator[str]:
    """What it is about first, then the lines, then their total."""
    days = f"{statement.first_day} to {statement.last_day}"
    yield from csv_lines(
        [
            ["statement", statement.provider.slug, days, "days in UTC", "USD"],
            ["state", statement.get_status_display()],
            ["generated", now.isoformat(timespec="seconds")],
            _HEAD,
        ]
    )
    sums = [0] * (len(Column) + 4)
    for line in found.lines:
        row = line.row
        amounts = [row.ours_pico, row.theirs_pico, row.difference_pico]
        amounts += [*columns_of(row).values(), line.open]
        sums = [total + amount for total, amount in zip(sums, amounts, strict=True)]
        units = ["" if n is None else n for n in (row.ours_quantity, row.theirs_quantity)]
        yield from csv_lines([[row.day, row.model, line.meter, *units, *map(exact_usd, amounts)]])
    yield from csv_lines([["total", "", "", "", "", *map(exact_usd, sums)]])
