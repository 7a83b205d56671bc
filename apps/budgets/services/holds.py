"""Holds: taken before a call is sent, settled when its end is known. A transaction calls at most
one of these functions (`locking` tells why); each takes the same number of queries whatever its
batch holds."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings

from apps.budgets.admission import Admitted, Move, Room, admit, held, settlement, stays_open
from apps.budgets.locking import AskedHolds, lock_for_holds, lock_holds
from apps.budgets.models import Hold, HoldStatus, HoldWindow
from apps.budgets.thresholds import crossings_of, record
from apps.budgets.types import BudgetExceeded, BudgetFacts, Held, HoldRequest, Resolution
from apps.budgets.wanted import Wanted
from apps.budgets.writes import WindowMoves, update_holds, write_admitted, write_refusals
from apps.core.rows import insert

log = structlog.get_logger(__name__)


def hold_all(
    *, requests: Sequence[HoldRequest], budgets: Sequence[BudgetFacts], now: datetime
) -> list[Held | BudgetExceeded]:
    """Admit holds one after another; one answer for each request, in order.

    A hold is taken in the current window of every matching budget, or, when a hard one has no
    room, in none. Where the budgets say so, the cheaper model or a shorter answer is held instead;
    the answer tells. The same id again holds nothing more. `now` is the database's clock.

    Raises: `IntegrityError` when the same id is held by two transactions at the same moment; tried
    again, the later one gets its answer.
    """
    return hold_now(requests=requests, budgets=budgets, now=now)[1]


def hold_now(
    *,
    requests: Sequence[HoldRequest],
    budgets: Sequence[BudgetFacts],
    now: datetime | None = None,
) -> tuple[datetime, list[Held | BudgetExceeded]]:
    """The same by the database's clock, which it tells."""
    wanted = [Wanted(request, budgets) for request in requests]
    concerned = {budget.id: budget for one in wanted for budget in one.concerned}
    ids = [request.id for request in requests]
    locked = lock_for_holds(budgets=concerned.values(), hold_ids=ids, now=now)
    now, rooms, standing = locked.now, locked.rooms, locked.standing
    answers: list[Held | BudgetExceeded] = []
    admitted: dict[UUID, Admitted] = {}
    for one in wanted:
        request, its_rooms = one.request, one.rooms(rooms)
        if request.id in standing or request.id in admitted:
            answers.append(_again(request, standing.get(request.id), its_rooms))
            continue
        found = admit(request, its_rooms, one.cheaper_rooms(rooms), now=now)
        if isinstance(found, Admitted):
            admitted[request.id] = found
        answers.append(found.answer if isinstance(found, Admitted) else found)
    _write_holds(admitted.values(), now)
    _write_rooms(rooms.values(), now)
    _write_refusals(rooms.values(), requests, answers, now)
    return now, answers


def settle_all(
    *, resolutions: Sequence[Resolution], now: datetime, asked: AskedHolds | None = None
) -> None:
    """Post what attempts came to and give back the rest of their holds.

    Resolutions carry totals, so a repetition changes nothing and a correction moves the
    difference. What comes after the hold was given back is posted all the same, as overrun.
    `asked`: the holds, when `ask_holds` has sent for them already.
    """
    ids = {resolution.id for resolution in resolutions}
    holds, links, rooms = asked() if asked else lock_holds(ids, now=now)
    moves = WindowMoves()
    for resolution in resolutions:
        hold = holds.get(resolution.id)
        if hold is None:
            log.error("settled_without_hold", hold=str(resolution.id))
            continue
        move = _settle(hold, resolution, now)
        moves.add(links[hold.pk], move)
        _move_rooms(rooms, links[hold.pk], move)
    update_holds(holds.values())
    moves.write(now)
    record([crossing for room in rooms.values() for crossing in crossings_of(room)], now)


def release(*, hold_ids: Collection[UUID], now: datetime) -> list[UUID]:
    """Give back holds of attempts that were never sent. Returns those that were still held."""
    return _give_back(hold_ids, HoldStatus.RELEASED, now)


def expire_holds(*, now: datetime, limit: int) -> list[UUID]:
    """Give back at most `limit` holds whose time is over; the longest overdue first."""
    overdue = Hold.objects.filter(status=HoldStatus.HELD, expires_at__lte=now)
    ids = list(overdue.order_by("expires_at").values_list("pk", flat=True)[:limit])
    return _give_back(ids, HoldStatus.EXPIRED, now)


def _again(request: HoldRequest, windows: tuple[int, ...] | None, rooms: list[Room]) -> Held:
    answer = held(request, rooms)
    return answer if windows is None else Held(request.id, windows, answer.overrun_soft)


def _write_holds(admitted: Collection[Admitted], now: datetime) -> None:
    insert(
        [
            Hold(
                id=one.request.id,
                amount_pico=one.request.amount_pico,
                expires_at=now + timedelta(seconds=one.request.ttl_seconds),
            )
            for one in admitted
        ]
    )
    insert(
        [
            HoldWindow(hold_id=one.request.id, window_id=room.window_id, bucket_at=room.bucket_at)
            for one in admitted
            for room in one.rooms
        ]
    )


def _write_rooms(rooms: Collection[Room], now: datetime) -> None:
    changed = [room for room in rooms if room.changed]
    write_admitted(changed)
    record([crossing for room in changed for crossing in crossings_of(room)], now)


def _write_refusals(
    rooms: Iterable[Room],
    requests: Sequence[HoldRequest],
    answers: Sequence[Held | BudgetExceeded],
    now: datetime,
) -> None:
    windows = {room.budget: room.window_id for room in rooms}
    write_refusals(
        (
            (windows[answer.budget], request, answer)
            for request, answer in zip(requests, answers, strict=True)
            if isinstance(answer, BudgetExceeded)
        ),
        now,
    )


def _settle(hold: Hold, resolution: Resolution, now: datetime) -> Move:
    amount, is_open = hold.amount_pico, hold.status == HoldStatus.HELD
    move = settlement(
        amount=amount, posted=hold.posted_pico, is_open=is_open, resolution=resolution
    )
    hold.posted_pico = resolution.actual_pico
    if stays_open(amount=amount, is_open=is_open, resolution=resolution):
        hold.expires_at = now + timedelta(seconds=settings.UNKNOWN_HOLD_SECONDS)
    elif is_open:
        hold.status, hold.resolved_at = HoldStatus.SETTLED, now
    return move


def _move_rooms(
    rooms: Mapping[int, Room],
    windows: Iterable[tuple[int, datetime | None]],
    move: Move,
) -> None:
    for window_id, bucket_at in windows:
        room = rooms[window_id]
        if room.counts(bucket_at):
            room.posted += move.posted
            room.held += move.held


def _give_back(ids: Collection[UUID], status: HoldStatus, now: datetime) -> list[UUID]:
    holds, links, _ = lock_holds(ids, now=now, skip_locked=True)
    still_held = [hold for hold in holds.values() if hold.status == HoldStatus.HELD]
    moves = WindowMoves()
    for hold in still_held:
        moves.add(links[hold.pk], Move(0, hold.posted_pico - hold.amount_pico, 0))
        hold.status, hold.resolved_at = status, now
    update_holds(still_held)
    moves.write(now)
    return [hold.pk for hold in still_held]
