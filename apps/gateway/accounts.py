"""The two commits of an attempt: before the first byte is sent, and when its end is known.

Both are set-based and go through a batcher, so that many calls share one lock and one fsync.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from apps.budgets import services as budgets
from apps.budgets.selectors import hold_amounts
from apps.budgets.types import BudgetExceeded, BudgetFacts, Held, HoldRequest, Resolution
from apps.core.clock import ask_now, db_now
from apps.core.pipelined import pipelined, pipelined_transaction
from apps.gateway.types import CallOutcome, Spent
from apps.ledger import services as ledger
from apps.ledger.models import Attempt, AttemptStatus, EntryKind
from apps.ledger.types import AttemptEnd, AttemptStart, CacheHit

_NOT_EXACT = {EntryKind.ESTIMATE, EntryKind.CONFLICT, EntryKind.UNPRICED}
# Called inside the settling transaction with what each call's owner wants done with its outcome.
Complete = Callable[[Sequence[tuple[Any, CallOutcome]]], object]
# Called inside the admitting transaction with the owners of attempts that want to be sent: those
# that have lost their right to it. The others keep it at least until the transaction ends.
Lost = Callable[[Sequence[Any]], Collection[Any]]


class Superseded(Exception):
    """Somebody else has taken over what this attempt was for: nothing was held, nothing is sent."""


@dataclass(frozen=True, slots=True)
class Admission:
    """An attempt that asks to be sent, and what it may cost at most.

    `cheaper`: how the attempt starts when its budgets admit a cheaper model instead."""

    start: AttemptStart
    hold: HoldRequest
    budgets: tuple[BudgetFacts, ...]
    cheaper: Mapping[str, AttemptStart] = field(default_factory=dict)
    owner: Any = None  # a job's claim; None: the call has nobody who could lose it

    def start_of(self, held: Held) -> AttemptStart:
        return self.cheaper[held.cheaper_model] if held.cheaper_model else self.start


@dataclass(frozen=True, slots=True)
class Settlement:
    """The end of an attempt. With `outcome` the call is over too: `completion` goes to its owner.

    `spent_before` is what earlier attempts of the same call cost, part of the outcome's cost.
    `unknown` keeps the rest of the hold until the truth is known or its time is up."""

    end: AttemptEnd
    unknown: bool = False
    spent_before: Spent = field(default_factory=Spent)
    outcome: CallOutcome | None = None
    completion: Any = None


@dataclass(frozen=True, slots=True)
class HitSettlement:
    """An answer from the cache: booked at 0 with what it saved."""

    hit: CacheHit
    outcome: CallOutcome
    completion: Any = None


Admitted = Held | BudgetExceeded | Superseded


def admitter(lost: Lost | None) -> Callable[[Sequence[Admission]], list[Admitted]]:
    """The flush of admissions: holds and attempt rows of all that may be sent, in one transaction.
    After this commit a byte may be sent."""

    def admit_all(admissions: Sequence[Admission]) -> list[Admitted]:
        with pipelined_transaction():
            now, held = budgets.hold_now(
                requests=[admission.hold for admission in admissions],
                budgets=admissions[-1].budgets,  # the newest configuration of the batch
            )
            results: list[Admitted] = list(held)
            if lost is not None:
                _give_up(admissions, results, lost, now)
            starts = [
                admission.start_of(result)
                for admission, result in zip(admissions, results, strict=True)
                if isinstance(result, Held)
            ]
            ledger.open_attempts(starts=starts, now=now)
        return results

    return admit_all


def _give_up(
    admissions: Sequence[Admission], results: list[Admitted], lost: Lost, now: datetime
) -> None:
    """Release what was held for those who lost their right. After the holds, because a settlement
    too locks windows first and owners second."""
    owners = [admission.owner for admission in admissions if admission.owner is not None]
    gone = set(lost(owners)) if owners else set()
    idle = []
    for index, admission in enumerate(admissions):
        result = results[index]
        if admission.owner in gone and isinstance(result, Held):
            idle.append(result.id)
            results[index] = Superseded("Another worker has taken it over.")
    if idle:
        budgets.release(hold_ids=idle, now=now)


def settler(
    complete: Complete | None,
) -> Callable[[Sequence[Settlement | HitSettlement]], list[tuple[Spent, CallOutcome | None]]]:
    """The flush of settlements: entries, holds, windows and the owner's own rows, in one
    transaction. Gives for each what its attempt cost and the outcome with the whole call's cost."""

    def settle_all(
        items: Sequence[Settlement | HitSettlement],
    ) -> list[tuple[Spent, CallOutcome | None]]:
        if complete is None or all(item.completion is None for item in items):
            with pipelined_transaction():
                return _results(items, _book(items))
        with transaction.atomic():
            with pipelined():
                amounts = _book(items)
            results = _results(items, amounts)
            complete(_owned(items, results))
        return results

    return settle_all


def _book(items: Sequence[Settlement | HitSettlement]) -> list[Spent]:
    settlements = [item for item in items if isinstance(item, Settlement)]
    ids = {item.end.attempt_id for item in settlements}
    # All locks are asked for, in the order of all writers, before the first answer is read.
    clock, attempts, holds = ask_now(), ledger.ask_attempts(ids), budgets.ask_holds(ids)
    now = clock()
    booked = ledger.close_attempts(ends=[item.end for item in settlements], now=now, asked=attempts)
    resolutions = [
        Resolution(
            id=item.end.attempt_id,
            actual_pico=entry.amount_pico,  # the attempt's total: posting it again changes nothing
            # What has no price yet was spent all the same: nobody else may have its room.
            keep_held=item.unknown or entry.kind == EntryKind.UNPRICED,
        )
        for item, entry in zip(settlements, booked, strict=True)
    ]
    budgets.settle_all(resolutions=resolutions, now=now, asked=holds)
    ledger.book_cache_hits(
        hits=[item.hit for item in items if isinstance(item, HitSettlement)], now=now
    )
    amounts = iter(Spent(entry.amount_pico, entry.kind in _NOT_EXACT) for entry in booked)
    return [next(amounts) if isinstance(item, Settlement) else Spent() for item in items]


def _results(
    items: Sequence[Settlement | HitSettlement], amounts: Sequence[Spent]
) -> list[tuple[Spent, CallOutcome | None]]:
    return [(amount, _with_cost(item, amount)) for item, amount in zip(items, amounts, strict=True)]


def _owned(
    items: Sequence[Settlement | HitSettlement],
    results: Sequence[tuple[Spent, CallOutcome | None]],
) -> list[tuple[Any, CallOutcome]]:
    return [
        (item.completion, outcome)
        for item, (_, outcome) in zip(items, results, strict=True)
        if item.completion is not None and outcome is not None
    ]


def _with_cost(item: Settlement | HitSettlement, amount: Spent) -> CallOutcome | None:
    if isinstance(item, HitSettlement) or item.outcome is None:
        return item.outcome
    all_of_it = item.spent_before + amount
    return replace(item.outcome, cost_pico=all_of_it.pico, cost_estimated=all_of_it.estimated)


def resolve_orphans(*, job_ids: Sequence[UUID]) -> None:
    """Attempts that a dead worker of these jobs left open become `unknown`, each with its hold's
    amount as the estimate: the provider may have billed it. Joins the caller's transaction."""
    with transaction.atomic():
        _resolve_orphans(
            list(
                Attempt.objects.filter(job_id__in=job_ids, status=AttemptStatus.DISPATCHED)
                .order_by("id")
                .values_list("id", flat=True)
            )
        )


def resolve_stale(*, limit: int = 500) -> int:
    """The same for attempts of calls without a job (a gateway that died): those that were open for
    longer than any call may last, or than was said of them. How many were resolved."""
    with transaction.atomic():
        now = db_now()
        oldest = now - timedelta(seconds=settings.CALL_TIMEOUT_MAX_SECONDS + 60)
        stale = list(
            Attempt.objects.select_for_update(skip_locked=True)
            .filter(status=AttemptStatus.DISPATCHED, started_at__lt=oldest)
            .filter(Q(due_at=None) | Q(due_at__lt=now))
            .order_by("id")
            .values_list("id", flat=True)[:limit]
        )
        _resolve_orphans(stale)
    return len(stale)


def _resolve_orphans(ids: Sequence[UUID]) -> None:
    now = db_now()
    amounts = hold_amounts(hold_ids=ids)
    orphans = ledger.resolve_orphans(attempts={id_: amounts.get(id_, 0) for id_ in ids}, now=now)
    # Not those that ended meanwhile: what they cost is booked.
    budgets.settle_all(
        resolutions=[Resolution(id=id_, actual_pico=amounts.get(id_, 0)) for id_ in orphans],
        now=now,
    )
