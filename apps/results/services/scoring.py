"""Scores of calls: taken from services, then added to the sums of hours and of subjects."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from apps.core.faults import Fault
from apps.ledger.models import Attempt, AttemptStatus, Entry
from apps.prompts.models import Experiment, Kind, Metric
from apps.results.changes import hour_of, named
from apps.results.models import Call, Exposure, ExposureScore, Score, ScoreHour


class ScoreRefused(Exception):
    """`code`: `call_not_found`, `call_not_ended` or `metric_unfit`; with every fault."""

    def __init__(self, code: str, faults: Sequence[Fault]) -> None:
        super().__init__(" ".join(fault.detail for fault in faults))
        self.code = code
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Scored:
    score: Score
    created: bool
    """False: the call had a score of this metric, which is replaced (by the same, if repeated)."""


@transaction.atomic
def score_call(
    *, service: str, request_id: str, metric: str, value: float, comment: str = ""
) -> Scored:
    """Keep what a service thinks of an answer of its own. Sent twice, it counts once.

    Raises `ScoreRefused`: no such metric, a value out of bounds, no such call of this service, or
    one that has not ended.
    """
    found = _metric(metric, value)
    _check_call(service, request_id)
    score, created = Score.objects.select_for_update().get_or_create(
        service=service,
        request_id=request_id,
        metric=found,
        defaults={"value": value, "comment": comment},
    )
    if not created and (score.value, score.comment) != (value, comment):
        _replace(score, value, comment)
    return Scored(score, created)


def _replace(score: Score, value: float, comment: str) -> None:
    score.value, score.comment = value, comment
    score.save(update_fields=["value", "comment", "updated_at"])
    with connection.cursor() as cursor:  # it is to be counted anew
        cursor.execute(
            "UPDATE results_score SET xid = pg_current_xact_id() WHERE id = %s", [score.pk]
        )


def _metric(slug: str, value: float) -> Metric:
    metric = Metric.objects.filter(slug=slug).first()
    if metric is None:
        known = ", ".join(Metric.objects.values_list("slug", flat=True)[:20]) or "none yet"
        detail = f"There is no metric “{slug[:100]}”. Declared: {known}."
        raise ScoreRefused("metric_unfit", [Fault("/metric", detail, "not_found")])
    if metric.kind == Kind.YES_NO and value not in (0, 1):
        detail = f"“{slug}” is yes or no: give true or false, 1 or 0."
        raise ScoreRefused("metric_unfit", [Fault("/value", detail, "out_of_bounds")])
    if not metric.low <= value <= metric.high:
        detail = f"“{slug}” is from {metric.low:g} to {metric.high:g}."
        raise ScoreRefused("metric_unfit", [Fault("/value", detail, "out_of_bounds")])
    return metric


def _check_call(service: str, request_id: str) -> None:
    statuses = set(
        Attempt.objects.filter(service=service, request_id=request_id)
        .order_by()
        .values_list("status", flat=True)
    )
    if AttemptStatus.SUCCEEDED in statuses:
        return
    if AttemptStatus.DISPATCHED in statuses:
        detail = "This call is still under way; score its answer when it is there."
        raise ScoreRefused("call_not_ended", [Fault("/request_id", detail, "not_ended")])
    hits = Entry.objects.filter(service=service, request_id=request_id)
    if not statuses and not hits.exists():
        detail = "There is no call of this service with that id."
        raise ScoreRefused("call_not_found", [Fault("/request_id", detail, "not_found")])


def count_scores(*, start: str, end: str) -> None:
    """Add what these transactions scored; under `counting`'s lock, after their calls."""
    scores = list(_changed(start, end))
    calls = _calls_of(scores)
    pairs = [
        (score, calls[score.service, score.request_id])
        for score in scores
        if (score.service, score.request_id) in calls
    ]
    _add_to_hours(pairs)
    _add_to_subjects(pairs)
    for score, _ in pairs:
        score.counted = score.value
    Score.objects.bulk_update([score for score, _ in pairs], ["counted"])


Pair = tuple[Score, Call]


def _changed(start: str, end: str) -> "QuerySet[Score]":
    rows = Score.objects.select_for_update().filter(xid__gte=int(start), xid__lt=int(end))
    return rows.order_by("pk")


def _calls_of(scores: Sequence[Score]) -> dict[tuple[str, str], Call]:
    rows = Call.objects.filter(
        service__in={score.service for score in scores},
        request_id__in=[score.request_id for score in scores],
    )
    return {(row.service, row.request_id): row for row in rows}


def _add_to_hours(pairs: Sequence[Pair]) -> None:
    wanted = {(*hour_of(call), score.metric_id) for score, call in pairs}
    kept = ScoreHour.objects.filter(
        prompt__in={key[0] for key in wanted}, hour__in={key[4] for key in wanted}
    )
    rows: dict[Any, ScoreHour] = {}
    for row in kept:
        key = row.prompt, row.prompt_version, row.channel, row.arm, row.hour, row.metric_id
        row.pk, rows[key] = None, row
    for score, call in pairs:
        key = (*hour_of(call), score.metric_id)
        new = ScoreHour(**named(hour_of(call)), metric_id=score.metric_id)
        _add(rows.setdefault(key, new), score)
    unique = ["prompt", "prompt_version", "channel", "arm", "hour", "metric"]
    _write(ScoreHour, [rows[key] for key in wanted], unique)


def _add_to_subjects(pairs: Sequence[Pair]) -> None:
    taking_part = [(s, c) for s, c in pairs if c.arm and c.subject]
    slugs = {call.arm.partition("/")[0] for _, call in taking_part}
    ids = dict(Experiment.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    subjects = {call.subject for _, call in taking_part}
    exposures = {
        (row.experiment_id, row.subject): row.pk
        for row in Exposure.objects.filter(experiment__in=ids.values(), subject__in=subjects)
    }
    rows: dict[Any, ExposureScore] = {}
    for row in ExposureScore.objects.filter(exposure__in=exposures.values()):
        key = row.exposure_id, row.metric_id
        row.pk, rows[key] = None, row
    for score, call in taking_part:
        exposure = exposures.get((ids.get(call.arm.partition("/")[0], 0), call.subject))
        if exposure is not None:
            new = ExposureScore(exposure_id=exposure, metric_id=score.metric_id)
            _add(rows.setdefault((exposure, score.metric_id), new), score)
    _write(ExposureScore, list(rows.values()), ["exposure", "metric"])


def _add(row: ScoreHour | ExposureScore, score: Score) -> None:
    row.scores += score.counted is None
    row.total += score.value - (score.counted or 0.0)


def _write(model: type[Any], rows: Sequence[Any], unique: Sequence[str]) -> None:
    model.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=list(unique),
        update_fields=["scores", "total"],
    )
