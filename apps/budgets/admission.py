"""Who gets room and what a resolution moves: arithmetic over rows that the caller has locked."""

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from apps.budgets.types import BudgetExceeded, Held, HoldRequest, Resolution
from apps.core.money import Pico

SOON = 1.0  # seconds; calls in flight give back what they don't need when they end


@dataclass(slots=True)
class Room:
    """A locked window, with what was admitted to it since."""

    window_id: int
    budget: str
    hard: bool
    limit: Pico
    posted: Pico
    held: Pico
    ends_at: datetime | None
    admitted: Pico = 0

    @property
    def left(self) -> Pico:
        return self.limit - self.posted - self.held

    def take(self, amount: Pico) -> None:
        self.held += amount
        self.admitted += amount

    def refuses(self, request: HoldRequest) -> bool:
        return self.hard and (not request.priced or request.amount_pico > self.left)


@dataclass(frozen=True, slots=True)
class Move:
    """What changes in each window of a hold."""

    posted: Pico
    held: Pico
    overrun: Pico


def admit(request: HoldRequest, rooms: list[Room], *, now: datetime) -> Held | BudgetExceeded:
    """All windows take it or none does; the tightest of those that refuse is named."""
    refusing = [room for room in rooms if room.refuses(request)]
    if refusing:
        return _refusal(request, min(refusing, key=lambda room: room.left), now)
    for room in rooms:
        room.take(request.amount_pico)
    return held(request, rooms)


def held(request: HoldRequest, rooms: list[Room]) -> Held:
    """The answer to a request whose hold stands."""
    soft = tuple(room.budget for room in rooms if not room.hard and room.left < 0)
    return Held(request.id, tuple(sorted(room.window_id for room in rooms)), soft)


def settlement(*, amount: Pico, posted: Pico, is_open: bool, resolution: Resolution) -> Move:
    """What the total `resolution.actual_pico` moves, for a hold of `amount` with `posted` so far.

    Beyond the hold, and anything more once its room was given back, counts as overrun: nobody
    had admitted it.
    """
    more = resolution.actual_pico - posted
    if not is_open:
        return Move(more, 0, max(0, more))
    return Move(
        more,
        _kept(amount, resolution) - (amount - posted),
        max(0, resolution.actual_pico - amount),
    )


def stays_open(*, amount: Pico, is_open: bool, resolution: Resolution) -> bool:
    return is_open and _kept(amount, resolution) > 0


def _kept(amount: Pico, resolution: Resolution) -> Pico:
    """What an unknown outcome may still come to."""
    return max(0, amount - resolution.actual_pico) if resolution.keep_held else 0


def _refusal(request: HoldRequest, room: Room, now: datetime) -> BudgetExceeded:
    return BudgetExceeded(
        budget=room.budget,
        limit_pico=room.limit,
        posted_pico=room.posted,
        held_pico=room.held,
        needed_pico=request.amount_pico,
        window_ends_at=room.ends_at,
        retry_after=_retry_after(request, room, now),
        priced=request.priced,
    )


def _retry_after(request: HoldRequest, room: Room, now: datetime) -> float | None:
    if not request.priced or request.amount_pico > room.limit:
        return None
    if request.amount_pico <= room.limit - room.posted:
        return SOON
    return float(ceil((room.ends_at - now).total_seconds())) if room.ends_at else None
