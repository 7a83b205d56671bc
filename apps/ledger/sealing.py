"""The seal of a month: one SHA-256 over its bounds, the digest of each of its days, and the seal of
the month before. Any entry of a sealed month that was changed, added, removed or dated elsewhere
changes the digest of a day; a month that is missing breaks the chain.

A day's digest is SHA-256 over its entries in the order of their ids, as Postgres copies their
columns out (`COPY … TO STDOUT`, text format), times in UTC.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from apps.core import strict_json
from apps.core.money import Pico
from apps.ledger.models import Boundary, Period, PeriodStatus

VERSION = 1  # of what is hashed, and how
# All of an entry but the number of its transaction, which another cluster gives anew.
_COLUMNS = (
    "id, at, kind, purpose, amount_pico, avoided_pico, input_tokens, output_tokens, cached_tokens,"
    " saved_tokens, lines, attempt_id, request_id, job_id, reverses_id, reason, actor, service,"
    " team, cost_center, provider, model, deployment, prompt, prompt_version, arm, channel, phase,"
    " subject, tags"
)
_DAY = "FROM ledger_entry WHERE at >= %s AND at < %s"
_COPY = f"COPY (SELECT {_COLUMNS} {_DAY} ORDER BY id) TO STDOUT"
_SUM = f"SELECT count(*), coalesce(sum(amount_pico), 0) {_DAY}"
_SETTINGS = "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'"


@dataclass(frozen=True, slots=True)
class DaySeal:
    """What a sealed day holds: how many entries over how much, and their digest."""

    day: str
    entries: int
    amount_pico: Pico
    digest: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A month's seal and what it covers."""

    days: tuple[DaySeal, ...]
    seal: str

    @property
    def entries(self) -> int:
        return sum(day.entries for day in self.days)

    @property
    def amount_pico(self) -> Pico:
        return sum(day.amount_pico for day in self.days)


@dataclass(frozen=True, slots=True)
class SealFault:
    """Where the books are no longer what was sealed."""

    month: date | None
    fault: str

    def __str__(self) -> str:
        return f"{self.month:%B %Y}: {self.fault}" if self.month else self.fault


def seal_days(period: Period, days: tuple[DaySeal, ...], *, previous_seal: str) -> Sealed:
    """The seal of a month with these days."""
    return Sealed(days, _seal(period, [stored(day) for day in days], previous_seal))


def verify_seals(*, last_seal: str = "") -> list[SealFault]:
    """What differs from the seals of all closed months: nothing. In a transaction.

    `last_seal`: the newest seal, as somebody keeps it elsewhere; without it, nobody would see
    that the newest month went missing together with the boundary.
    """
    faults: list[SealFault] = []
    previous: Period | None = None
    for period in Period.objects.filter(status=PeriodStatus.CLOSED).order_by("month"):
        faults += [SealFault(period.month, text) for text in _faults(period, previous)]
        previous = period
    until = Boundary.objects.values_list("closed_until", flat=True).first()
    if until != (previous.end if previous else None):
        faults.append(SealFault(None, f"The books are closed until {until}, the last seal is not."))
    if last_seal and last_seal != (previous.seal if previous else ""):
        faults.append(SealFault(None, f"The newest seal is not {last_seal}."))
    return faults


def _faults(period: Period, previous: Period | None) -> Iterator[str]:
    if previous is not None and period.start != previous.end:
        yield "it does not begin where the month before ends"
    if period.previous_seal != (previous.seal if previous else ""):
        yield "it was sealed after another month than the one that is there"
    if period.seal != _seal(period, period.days, period.previous_seal):
        yield "its row is not what was sealed"
    told = Sealed(tuple(_day_seal(*row) for row in period.days), period.seal)
    if (period.entries, int(period.amount_pico)) != (told.entries, told.amount_pico):
        yield "its totals are not those of its days"
    is_now = {day.day: day for day in day_seals(period)}
    sealed = {row[0]: _day_seal(*row) for row in period.days}
    for day in sorted(is_now.keys() | sealed.keys()):
        if is_now.get(day) != sealed.get(day):
            yield f"{day} holds {_told(is_now.get(day))}; sealed were {_told(sealed.get(day))}"


def _told(day: DaySeal | None) -> str:
    if day is None:
        return "nothing"
    return f"{day.entries:,} entries over {day.amount_pico:,} pico-USD ({day.digest[:8]})"


def day_seals(period: Period) -> Iterator[DaySeal]:
    """What each day of it holds now. Reads all its entries: seconds for a million of them."""
    for day, start, end in days_of(period):
        yield _day_seal_now(day, start, end)


@transaction.atomic  # for as long as it sets how Postgres writes times
def _day_seal_now(day: str, start: datetime, end: datetime) -> DaySeal:
    with connection.cursor() as cursor:
        cursor.execute(_SETTINGS)
        cursor.execute(_SUM, [start, end])
        entries, amount = cursor.fetchone()
        digest = hashlib.sha256()
        with cursor.copy(_COPY, [start, end]) as copied:
            for block in copied:
                digest.update(block)
        return DaySeal(day, entries, int(amount), digest.hexdigest())


def days_of(period: Period) -> Iterator[tuple[str, datetime, datetime]]:
    """The days of its zone; the first and the last take what reaches over them, since the month
    begins where the one before ended, in whatever zone that was."""
    zone, start = ZoneInfo(period.zone), period.start
    while start < period.end:
        day = start.astimezone(zone).date()
        end = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        end = min(end, period.end)
        yield str(day), start, end
        start = end


def stored(day: DaySeal) -> list[str]:
    """As it stands in `Period.days`: in texts, as JSON keeps no whole numbers of over 64 bits."""
    return [day.day, str(day.entries), str(day.amount_pico), day.digest]


def _day_seal(day: str, entries: str, amount_pico: str, digest: str) -> DaySeal:
    return DaySeal(day, int(entries), int(amount_pico), digest)


def _seal(period: Period, days: list[list[str]], previous_seal: str) -> str:
    sealed = {
        "version": VERSION,
        "month": str(period.month),
        "start": period.start.astimezone(UTC).isoformat(),
        "end": period.end.astimezone(UTC).isoformat(),
        "zone": period.zone,
        "days": days,
        "previous": previous_seal,
    }
    return hashlib.sha256(strict_json.canonical(sealed)).hexdigest()
