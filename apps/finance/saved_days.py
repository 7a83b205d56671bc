"""What was saved on each day that is over, kept so that a page need not read its entries.

Entries are only added, and prices never change but for their end, so what a day saved is right
until an entry of it is booked late, or a price of it begins or ends. A cursor over transactions
tells the first, a digest of the day's price list the second; such a day is read from its entries
until it is summed again. So a page is exact at every moment, whenever days were summed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from apps.core.rows import insert
from apps.finance import saved_sql
from apps.finance.models import SavedDay, SavedSum
from apps.finance.saved_lines import Saved, parameters, saved_by
from apps.finance.saved_prices import PriceBook, digests, price_book
from apps.ledger.following import Follower
from apps.ledger.models import Entry
from apps.ledger.reports import Days

BATCH = 1  # days in a transaction: others wait for it to post what they booked meanwhile
FOLLOWER = Follower("finance_savedcursor", 0x7361766564, saved_sql.CLEAR)


def sum_saved_days(*, zone: str, now: datetime, batch: int = BATCH) -> int:
    """Sum days that are over and not summed, batch by batch; how many they were.

    0 also when another process is at it. Never inside another transaction.
    """
    total = 0
    while found := _sum_batch(zone, now, batch):
        total += found
        if found < batch:
            break
    return total


@dataclass(frozen=True, slots=True)
class Known:
    """Of some days: whose sums are there and right, and what must be read from entries."""

    kept: list[date]
    left: list[date]


def known_days(*, days: Days, book: PriceBook) -> Known:
    """Of days before the first entry and after the last there is nothing to know."""
    kept = _kept(days, book)
    first, last = _day_of("at", days.zone) or date.max, _day_of("-at", days.zone) or date.min
    left = [day for day in days.all if first <= day <= last and day not in kept]
    return Known(sorted(kept), left)


def _kept(days: Days, book: PriceBook) -> set[date]:
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"zone": days.zone, "first": days.first, "last": days.last}
        cursor.execute(saved_sql.KEPT, values)
        kept = dict(cursor.fetchall())
    holding = digests(book, kept, days.zone)
    return {day for day, prices in kept.items() if prices == holding[day]}


def _sum_batch(zone: str, now: datetime, batch: int) -> int:
    with FOLLOWER.turn(zone=zone) as turn:
        days = _over(zone, now)
        if turn is None or days is None:
            return 0
        for statement in (saved_sql.FORGET, saved_sql.MOVE):
            turn.cursor.execute(statement, {"next": turn.horizon, "zone": zone})
        book = price_book(days)
        holding = digests(book, days.all, zone)
        kept = dict(SavedDay.objects.values_list("day", "prices"))
        due = [day for day in reversed(days.all) if kept.get(day) != holding[day]][:batch]
        _sum(due, book, holding, zone)
        return len(due)


def _over(zone: str, now: datetime) -> Days | None:
    """From the first entry's day to yesterday; None: there are none."""
    first = _day_of("at", zone)
    yesterday = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    return Days(first, yesterday, zone) if first and first <= yesterday else None


def _day_of(order: str, zone: str) -> date | None:
    """Of the first entry in this order."""
    at = Entry.objects.order_by(order).values_list("at", flat=True).first()
    return at.astimezone(ZoneInfo(zone)).date() if at else None


def _sum(due: Sequence[date], book: PriceBook, holding: Mapping[date, str], zone: str) -> None:
    SavedDay.objects.filter(day__in=due).delete()
    SavedSum.objects.filter(day__in=due).delete()
    with connection.cursor() as cursor:
        cursor.execute(saved_sql.lines_of_days(), parameters(book, due, zone))
        insert(_sums(cursor.fetchall(), book))
    insert([SavedDay(day=day, prices=holding[day]) for day in due])


def _sums(rows: Iterable[Sequence[Any]], book: PriceBook) -> list[SavedSum]:
    width = 1 + len(saved_sql.SUMMED_BY)
    found: dict[tuple[Any, ...], Saved] = defaultdict(Saved)
    for row in rows:
        found[tuple(row[:width])] += saved_by(book, *row[width:])
    names = ("day", *saved_sql.SUMMED_BY)
    return [
        SavedSum(**dict(zip(names, key, strict=True)), **saved.kept())
        for key, saved in found.items()
        if saved != Saved()
    ]
