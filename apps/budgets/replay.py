"""What a hard limit would have refused in an earlier period: its entries under that limit, again.

Let a₁ … aₙ be the amounts of all entries of calls in the budget's scope that were booked in the
period, in the order of their booking (`at`, then `id`), corrections among them, and X the limit.
The limit closes at the first k with

    aₖ > 0  and  a₁ + … + aₖ > X.

What was booked from there on is refused: aₖ + … + aₙ. The room that was left, X − (a₁ + … + aₖ₋₁),
is the most that smaller calls could still have used. So a higher limit never refuses more, and
what was spent and what was refused add up to what the period cost.

It knows what calls cost in the end. A real hard limit asks for the most that they may cost, before
they are sent, so it closes earlier; jobs that wait and cheaper models are not replayed.

Days that lie in the period as a whole are read from the ledger's rollups; only the day in which
the limit closes is read by the hour, and of it only one hour entry by entry (docs/adr/0159).
Budgets of a tag, which rollups do not know, and short periods are read from the entries.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.budgets.replay_reads import Line, Part, lines_of, parts_by_hour, parts_of
from apps.core.money import Pico

Of = tuple[str, str]  # service, model


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of the period, with what was spent and what was refused in it."""

    starts_at: datetime
    spent: Pico
    refused: Pico


@dataclass(frozen=True, slots=True)
class Refused:
    calls: int = 0
    amount: Pico = 0

    def __add__(self, other: "Refused") -> "Refused":
        return Refused(self.calls + other.calls, self.amount + other.amount)


@dataclass(frozen=True, slots=True)
class Replay:
    """`closed_at`: when the first call was refused; None: none was. `room`: what was left then.
    `by`: what was refused of each service and model."""

    limit: Pico
    calls: int
    spent: Pico
    closed_at: datetime | None
    room: Pico
    by: Mapping[Of, Refused]
    bars: Sequence[Bar] = field(default=())

    @property
    def refused(self) -> Refused:
        return sum(self.by.values(), Refused())

    @property
    def total(self) -> Pico:
        return self.spent + self.refused.amount

    def by_service(self) -> list[tuple[str, Refused]]:
        return self._grouped(0)

    def by_model(self) -> list[tuple[str, Refused]]:
        return self._grouped(1)

    def _grouped(self, place: int) -> list[tuple[str, Refused]]:
        found: dict[str, Refused] = {}
        for key, refused in self.by.items():
            found[key[place]] = found.get(key[place], Refused()) + refused
        return sorted(found.items(), key=lambda pair: (-pair[1].amount, pair[0]))


def replay(
    *, scope: Mapping[str, str], starts_at: datetime, ends_at: datetime, limit: Pico
) -> Replay:
    """`scope`: as a budget's. One statement, two more for each day in which the limit is near, and
    two more where the period's first and last day are not those of the rollups' zone."""
    return _Run(scope, limit).over(parts_of(scope=scope, starts_at=starts_at, ends_at=ends_at))


class _Run:
    def __init__(self, scope: Mapping[str, str], limit: Pico) -> None:
        self._scope = scope
        self._limit = limit
        self._spent = 0
        self._closed_at: datetime | None = None
        self._calls: Counter[Of] = Counter()
        self._amounts: Counter[Of] = Counter()

    def over(self, parts: Sequence[Part]) -> Replay:
        bars = []
        for part in parts:
            before = self._spent
            self._look(part, finer=True)
            spent = self._spent - before
            bars.append(Bar(part.starts_at, spent, part.amount - spent))
        return Replay(
            limit=self._limit,
            calls=sum(part.calls for part in parts),
            spent=self._spent,
            closed_at=self._closed_at,
            room=self._limit - self._spent if self._closed_at else 0,
            by={key: Refused(self._calls[key], self._amounts[key]) for key in self._calls},
            bars=bars,
        )

    def _look(self, part: Part, *, finer: bool) -> None:
        if self._closed_at is not None:
            self._refuse((group.of, group.calls, group.amount) for group in part.groups)
        elif self._spent + part.most <= self._limit:
            self._spent += part.amount
        elif finer:
            for hour in parts_by_hour(scope=self._scope, part=part):
                self._look(hour, finer=False)
        else:
            self._one_by_one(lines_of(scope=self._scope, part=part))

    def _one_by_one(self, lines: Iterable[Line]) -> None:
        for line in lines:
            closes = line.amount > 0 and self._spent + line.amount > self._limit
            if closes and self._closed_at is None:
                self._closed_at = line.at
            if self._closed_at is None:
                self._spent += line.amount
            else:
                self._refuse([(line.of, line.calls, line.amount)])

    def _refuse(self, rows: Iterable[tuple[Of, int, Pico]]) -> None:
        for key, calls, amount in rows:
            self._calls[key] += calls
            self._amounts[key] += amount
