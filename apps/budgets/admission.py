"""Who gets room and what a resolution moves: arithmetic over rows that the caller has locked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil

from apps.budgets.rolling import Used, counted_since, roomy_at
from apps.budgets.types import BudgetExceeded, Held, HoldRequest, Resolution
from apps.core.money import Pico

SOON = 1.0  # seconds; calls in flight give back what they don't need when they end
# What a budget may do when a call doesn't fit; of several that refuse, the first of these decides.
STRICTEST_FIRST = ("refuse", "queue", "cheaper", "cap")


@dataclass(slots=True)
class Room:
    """A locked window, with what was admitted to it since. `limit` has carry and raises in it;
    of a rolling window `posted` and `held` are those of the period of now, the rest is `outside`.
    """

    window_id: int
    read_at: datetime  # the moment of now
    budget_id: int
    budget: str
    hard: bool
    limit: Pico
    ends_at: datetime | None
    period_at: datetime
    posted: Pico = 0
    held: Pico = 0
    carried: Pico = 0
    raised: Pico = 0
    overrun: Pico = 0
    length: timedelta | None = None
    bucket_at: datetime | None = None
    thresholds: tuple[int, ...] = ()
    bases: tuple[str, ...] = ()
    on_exceeded: str = "refuse"
    cheaper_model: str = ""
    min_output_tokens: int = 1
    old_limit: Pico = 0
    old_posted: Pico = 0
    old_held: Pico = 0
    outside: Pico = 0
    admitted: Pico = 0
    used: Sequence[Used] = field(default=())

    @property
    def left(self) -> Pico:
        return self.limit - self.posted - self.held

    @property
    def changed(self) -> bool:
        return bool(self.admitted) or self.limit != self.old_limit

    def roll(self, used: Sequence[Used]) -> None:
        """Count only buckets of the period of now, which are among `used`."""
        if self.length is None:
            return
        since, everything = counted_since(self.read_at, self.length), self.posted + self.held
        self.used = [bucket for bucket in used if bucket.starts_at >= since]
        self.posted = self.old_posted = sum(bucket.posted for bucket in self.used)
        self.held = self.old_held = sum(bucket.held for bucket in self.used)
        self.outside = everything - self.posted - self.held

    def counts(self, bucket_at: datetime | None) -> bool:
        """Whether what was admitted to this bucket is part of the period of `now`."""
        if self.length is None or bucket_at is None:
            return True
        return bucket_at >= counted_since(self.read_at, self.length)

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


@dataclass(frozen=True, slots=True)
class Admitted:
    """What is really held: the request itself, its cheaper model, or a shorter answer."""

    request: HoldRequest
    rooms: list[Room]
    answer: Held


def admit(
    request: HoldRequest,
    rooms: list[Room],
    cheaper: Mapping[str, list[Room]],
    *,
    now: datetime,
) -> Admitted | BudgetExceeded:
    """All windows take it or none does; the tightest of those that refuse is named.

    When it doesn't fit, what the budgets say is tried: the cheaper model in its own rooms
    (`cheaper`, by model), or the longest answer that is affordable.
    """
    refusing = [room for room in rooms if room.refuses(request)]
    if not refusing:
        return _take(request, rooms, request)
    refusing.sort(key=lambda room: room.left)
    action = min((room.on_exceeded for room in refusing), key=STRICTEST_FIRST.index)
    found: Admitted | None = None
    if request.priced and action == "cheaper":
        found = _cheaper(request, refusing, cheaper)
    elif request.priced and action == "cap":
        found = _capped(request, rooms, refusing)
    return found or _refusal(request, refusing[0], action, now)


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


def _take(wanted: HoldRequest, rooms: list[Room], taken: HoldRequest) -> Admitted:
    for room in rooms:
        room.take(taken.amount_pico)
    return Admitted(taken, rooms, held(wanted, rooms))


def _cheaper(
    request: HoldRequest, refusing: list[Room], rooms: Mapping[str, list[Room]]
) -> Admitted | None:
    """The first cheaper model, of those that the refusing budgets name, that fits everywhere."""
    for model in dict.fromkeys(room.cheaper_model for room in refusing if room.cheaper_model):
        instead = request.cheaper.get(model)
        if instead is None or any(room.refuses(instead) for room in rooms[model]):
            continue
        taken = _take(request, rooms[model], instead)
        return replace(taken, answer=replace(taken.answer, cheaper_model=model))
    return None


def _capped(request: HoldRequest, rooms: list[Room], refusing: list[Room]) -> Admitted | None:
    """The longest answer that still fits, if it is long enough to be of use."""
    output = request.output
    if output is None or output.token_pico <= 0:
        return None
    tokens = (refusing[0].left - output.input_pico) // output.token_pico
    if tokens < max(room.min_output_tokens for room in refusing):
        return None
    amount = output.input_pico + tokens * output.token_pico
    taken = _take(request, rooms, replace(request, amount_pico=amount))
    return replace(taken, answer=replace(taken.answer, output_cap=tokens))


def _refusal(request: HoldRequest, room: Room, action: str, now: datetime) -> BudgetExceeded:
    return BudgetExceeded(
        budget=room.budget,
        limit_pico=room.limit,
        posted_pico=room.posted,
        held_pico=room.held,
        needed_pico=request.amount_pico,
        window_ends_at=room.ends_at,
        retry_after=_retry_after(request, room, now),
        priced=request.priced,
        way_out=request.way_out,
        jobs_wait=action == "queue" and request.priced and request.amount_pico <= room.limit,
    )


def _retry_after(request: HoldRequest, room: Room, now: datetime) -> float | None:
    if not request.priced or request.amount_pico > room.limit:
        return None
    if request.amount_pico <= room.limit - room.posted:
        return SOON
    again = room.ends_at
    if room.length is not None:
        again = roomy_at(room.used, request.amount_pico - room.left, room.length)
    return max(SOON, float(ceil((again - now).total_seconds()))) if again else None
