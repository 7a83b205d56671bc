"""What calls to a provider came to, by the days of UTC on which they were sent or ended, exact at
every moment: kept sums, and the entries that these do not hold yet."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from apps.core.money import Pico
from apps.ledger.call_sum_sql import READ_ENDED, READ_SENT


@dataclass(frozen=True, slots=True)
class CallSums:
    """Of a day, model and class of usage. `usage_class` empty: how many calls of the day and model
    were booked, and amounts without price lines. `quantity` None: no line says it. `lines`: how
    many amounts were added up."""

    day: date
    model: str
    usage_class: str
    amount_pico: Pico
    quantity: int | None
    lines: int
    calls: int


def sums_of_calls(
    *, provider: str, first: date, last: date, by_end: bool = False
) -> list[CallSums]:
    """All entries of a call count on its day, whenever they were booked: that on which it was sent,
    or `by_end` that on which its first entry was booked. What is of no call counts on its own day;
    adjustments, credits and cache hits don't count."""
    asked: dict[str, Any] = {
        "provider": provider,
        "first": first,
        "last": last,
        # nothing of a call is booked before it was sent; clocks differ by less than a day
        "at_first": datetime.combine(first, time(), UTC) - timedelta(days=1),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL jit = off")  # as in the trigger of these sums
        cursor.execute(READ_ENDED if by_end else READ_SENT, asked)
        return [_sums(*row) for row in cursor.fetchall()]


def _sums(
    day: date, model: str, usage_class: str, amount: Pico, quantity: int | None, *counts: int
) -> CallSums:
    lines, calls = map(int, counts)
    units = None if quantity is None else int(quantity)
    return CallSums(day, model, usage_class, int(amount), units, lines, calls)
