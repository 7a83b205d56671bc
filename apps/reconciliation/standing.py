"""What stands of differences: how much of each is booked, asked for, explained, or open."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from apps.core.money import Pico
from apps.ledger.models import AdjustmentStatus
from apps.reconciliation.models import Choice, Decision, Difference, Statement
from apps.reconciliation.types import Key

ONE_IN = 1000  # unexplained parts of a statement that a month may close with: 0.1 %


@dataclass(frozen=True, slots=True)
class Settled:
    """Amounts of one key. `asked`: waits for another person's approval."""

    booked: Pico = 0
    asked: Pico = 0
    explained: Pico = 0

    def __add__(self, other: "Settled") -> "Settled":
        return Settled(
            self.booked + other.booked, self.asked + other.asked, self.explained + other.explained
        )

    @property
    def whole(self) -> Pico:
        return self.booked + self.asked + self.explained


def settled(statement: Statement) -> dict[Key, Settled]:
    """What was decided about its keys. What was booked for a day counts whichever statement it was
    booked for: it is in the books. An explanation is of one statement."""
    rows = Decision.objects.filter(
        provider=statement.provider_id, day__range=(statement.first_day, statement.last_day)
    ).select_related("adjustment")
    found: dict[Key, Settled] = defaultdict(Settled)
    for row in rows:
        found[Key(row.day, row.model, row.meter)] += _of(row, statement)
    return found


def booked_keys(statement: Statement) -> set[Key]:
    """Keys of which something is booked, or asked for."""
    return {key for key, done in settled(statement).items() if done.booked or done.asked}


def open_amount(row: Difference, done: Settled) -> Pico:
    """What nobody has decided about yet. Timing needs no decision: it adds up to nothing."""
    return int(row.difference_pico - row.timing_pico) - done.whole


def unexplained(rows: Iterable[Difference], done: dict[Key, Settled]) -> Pico:
    """Differences that are neither booked nor explained, all of them positive: opposite ones do
    not hide each other. What only waits for approval is among them."""
    total = 0
    for row in rows:
        one = done.get(key_of(row), Settled())
        total += abs(row.difference_pico - row.timing_pico - one.booked - one.explained)
    return total


def unexplained_of(statement: Statement) -> Pico:
    return unexplained(statement.differences.all(), settled(statement))


def is_too_much(unexplained_pico: Pico, theirs_pico: Pico) -> bool:
    """Whether a month would not close with so much unexplained of such a statement."""
    return abs(unexplained_pico) * ONE_IN > abs(theirs_pico)


def key_of(row: Difference | Decision) -> Key:
    return Key(row.day, row.model, row.meter)


def _of(row: Decision, statement: Statement) -> Settled:
    amount = int(row.amount_pico)
    if row.choice == Choice.EXPLAIN or row.adjustment is None:
        return Settled(explained=amount) if row.statement_id == statement.pk else Settled()
    if row.adjustment.status == AdjustmentStatus.APPROVED:
        return Settled(booked=amount)
    return Settled(asked=amount if row.adjustment.status == AdjustmentStatus.REQUESTED else 0)
