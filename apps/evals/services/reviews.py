"""The review queue: one person at a time decides on one answer."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from apps.core.faults import Fault
from apps.evals.checks import outcome_of
from apps.evals.errors import EvalError, refused
from apps.evals.models import EvalResult, EvalRun, ResultState, Review, ReviewState
from apps.evals.services.advancing import regrade
from apps.evals.stored import checks_of, outcomes_of
from apps.evals.types import CheckKind, Mark

LOCK = timedelta(minutes=15)
"""So long an answer is somebody's; then others may take it."""
PERMISSION = "evals.decide_review"
MAX_SAMPLE = 200


@transaction.atomic
def take_next(
    *, by: User, now: datetime, run: EvalRun | None = None, after: int = 0
) -> Review | None:
    """The next open review that nobody else holds, now held by `by`; None when there is none.

    `after` passes over reviews up to that id, to skip one. Raises `EvalError` without permission.
    """
    _check_permitted(by)
    mine = Q(locked_by=by) | Q(locked_until=None) | Q(locked_until__lte=now)
    rows = Review.objects.filter(mine, state=ReviewState.OPEN, pk__gt=after)
    if run is not None:
        rows = rows.filter(result__run=run)
    row = rows.order_by("id").select_for_update(skip_locked=True).first()
    return _held(row, by, now) if row is not None else None


@transaction.atomic
def take(*, review: Review, by: User, now: datetime) -> Review:
    """Hold this one. Raises `EvalError` when it is decided, or while somebody else holds it."""
    _check_permitted(by)
    row = Review.objects.select_for_update().get(pk=review.pk)
    _check_free(row, by, now)
    return _held(row, by, now)


@transaction.atomic
def decide(*, review: Review, by: User, score: float, comment: str, now: datetime) -> Review:
    """Say how good the answer is, from 0 to 1. A check for people gets its outcome from it; a
    judge's check keeps the judge's, and the two are compared.

    Raises `EvalError`: no permission, decided already, held by somebody else, or a bad score.
    """
    _check_permitted(by)
    row = Review.objects.select_for_update(of=["self"]).select_related("result__run")
    found = row.get(pk=review.pk)
    _check_free(found, by, now)
    if not 0 <= score <= 1:
        raise refused("From 0 to 1.", pointer="/score", code="out_of_range")
    found.state, found.score, found.comment = ReviewState.DONE, score, comment.strip()[:1000]
    found.reviewer, found.decided_at = by, now
    found.locked_by = found.locked_until = None
    found.save()
    _apply(found)
    return found


@transaction.atomic
def sample_for_agreement(*, run: EvalRun, check_index: int, count: int) -> int:
    """Ask people about some answers that a judge scored, drawn at random; how many were added.

    Raises `EvalError` when the check is no judge's rubric, or `count` is not from 1 to 200.
    """
    if faults := list(_sample_faults(run, check_index, count)):
        raise EvalError(faults)
    rows = run.results.filter(
        judgements__check_index=check_index, judgements__score__isnull=False
    ).exclude(reviews__check_index=check_index)
    ids = list(rows.order_by("?").values_list("pk", flat=True)[:count])
    made = [Review(result_id=pk, check_index=check_index) for pk in ids]
    return len(Review.objects.bulk_create(made, ignore_conflicts=True))


def _apply(review: Review) -> None:
    """Its row is locked; the result's is locked here, as others decide on its other checks."""
    result = EvalResult.objects.select_for_update(of=["self"]).get(pk=review.result_id)
    run = review.result.run
    checks = checks_of(run.checks)
    check = checks[review.check_index]
    if check.kind != CheckKind.HUMAN or result.state == ResultState.FAILED:
        return
    outcomes = outcomes_of(result.outcomes)
    outcomes[review.check_index] = outcome_of(check, Mark(review.score or 0.0, review.comment))
    result.outcomes = [outcome.as_json() for outcome in outcomes]
    regrade(result, checks, run.threshold)
    result.save(update_fields=["outcomes", "score", "passed", "state"])


def _held(row: Review, by: User, now: datetime) -> Review:
    row.locked_by, row.locked_until = by, now + LOCK
    row.save(update_fields=["locked_by", "locked_until"])
    return row


def _check_permitted(by: User) -> None:
    if not by.has_perm(PERMISSION):
        raise refused(f"Reviewing needs the permission {PERMISSION}.", code="not_permitted")


def _check_free(row: Review, by: User, now: datetime) -> None:
    if row.state == ReviewState.DONE:
        raise refused("Somebody has decided on it already.", code="decided")
    if row.locked_until is not None and row.locked_until > now and row.locked_by_id != by.pk:
        until = f"{row.locked_until:%H:%M %Z}"
        raise refused(f"{row.locked_by} is looking at it until {until}.", code="locked")


def _sample_faults(run: EvalRun, index: int, count: int) -> Iterator[Fault]:
    checks = checks_of(run.checks)
    if not 0 <= index < len(checks) or checks[index].kind != CheckKind.JUDGE_RUBRIC:
        yield Fault("/check", "Choose a check that a judge scores by a rubric.", "not_judged")
    if not 1 <= count <= MAX_SAMPLE:
        yield Fault("/count", f"From 1 to {MAX_SAMPLE}.", "out_of_range")
