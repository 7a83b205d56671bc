"""What running experiments need without anybody looking: their sums by hour, guardrails that pause
an arm, the sample ratio, newcomers of adaptive ones, and the end."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import structlog
from django.db import transaction

from apps.prompts import services as prompts
from apps.prompts.assignment import BUCKETS
from apps.prompts.errors import PromptError
from apps.prompts.models import Arm, Experiment, ExperimentStatus
from apps.prompts.statistics import RatioSums
from apps.results.judging import ENOUGH, SRM_P, is_broken, ratio_p, thompson_weights
from apps.results.models import ArmHour
from apps.results.reports import conclusion_of, sample_groups
from apps.results.selectors import ArmSums, arm_sums, exposed, measured_of

STEP = 1_000  # basis points that an adaptive experiment grows by
NOBODY = RatioSums(subjects=0, y=0, yy=0, x=0, xx=0, xy=0)

log = structlog.get_logger(__name__)


def watch_all(*, now: datetime) -> int:
    """Look at each running experiment; how many there are. Safe to run twice, also at once."""
    running = list(Experiment.objects.filter(status=ExperimentStatus.RUNNING))
    for experiment in running:
        try:
            watch(experiment=experiment, now=now)
        except PromptError as error:  # somebody stopped it meanwhile
            log.info("experiment_not_watched", experiment=experiment.slug, error=str(error))
    return len(running)


@transaction.atomic
def watch(*, experiment: Experiment, now: datetime) -> None:
    sums = arm_sums(experiment)
    _keep(experiment, sums, now)
    arms = list(experiment.arms.select_related("version", "experiment").order_by("position"))
    p = ratio_p(sample_groups(experiment, arms, exposed(experiment)))
    if p < SRM_P:
        because = f"Arms have other shares of the subjects than planned (p = {p:.1g})."
        prompts.pause_experiment(experiment=experiment, because=because)
        log.error("experiment_paused", experiment=experiment.slug, because=because)
        return
    for arm, because in list(_broken(experiment, arms, sums)):
        prompts.pause_arm(arm=arm, because=because, now=now)
        log.error("arm_paused", arm=str(arm), because=because)
        arm.paused_at = now
    if _is_over(experiment, arms, now):
        conclusion = conclusion_of(experiment, arms, sums)
        prompts.stop_experiment(experiment=experiment, now=now, conclusion=conclusion)
    elif experiment.adaptive:
        _adapt(experiment, arms, sums, now)


def _keep(experiment: Experiment, sums: ArmSums, now: datetime) -> None:
    """The sums up to this hour; those of hours that are over stay as they were."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    names = ("subjects", "y", "yy", "x", "xx", "xy")
    rows = [
        ArmHour(
            experiment=experiment,
            arm=arm,
            metric=metric,
            hour=hour,
            **{name: getattr(one, name) for name in names},
        )
        for metric, by_arm in sums.items()
        for arm, one in by_arm.items()
    ]
    ArmHour.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["experiment", "metric", "arm", "hour"],
        update_fields=names,
    )


def _broken(experiment: Experiment, arms: list[Arm], sums: ArmSums) -> Iterator[tuple[Arm, str]]:
    """Arms that a guardrail pauses now, each with the first reason."""
    control, treatments = arms[0], [arm for arm in arms[1:] if arm.paused_at is None]
    guardrails = list(experiment.guardrails.all())
    known = measured_of({guardrail.metric for guardrail in guardrails})
    for arm in treatments:
        for guardrail in guardrails:
            by_arm: Mapping[str, RatioSums] = sums.get(guardrail.metric, {})
            measured = known.get(guardrail.metric)
            if measured is not None and is_broken(
                measured=measured,
                most=guardrail.most,
                control=by_arm.get(control.slug, NOBODY),
                treatment=by_arm.get(arm.slug, NOBODY),
                guards=len(guardrails) * (len(arms) - 1),
            ):
                yield (
                    arm,
                    f"Guardrail: {measured.label.lower()} worse by over {guardrail.most:g} %.",
                )
                break


def _is_over(experiment: Experiment, arms: list[Arm], now: datetime) -> bool:
    """Nothing is left to compare, or its time is up."""
    if all(arm.paused_at is not None for arm in arms[1:]):
        return True
    begun = experiment.started_at or now
    return now >= begun + timedelta(days=experiment.max_days)


def _adapt(experiment: Experiment, arms: list[Arm], sums: ArmSums, now: datetime) -> None:
    """Let more subjects in when those of the last phase are there, with weights by what they
    showed. Nobody who takes part changes arms."""
    newest = experiment.phases.order_by("-pk").first()
    joined = exposed(experiment).get(newest.pk, {}) if newest else {}
    if experiment.share >= BUCKETS or sum(joined.values()) < ENOUGH * len(arms):
        return
    measured = measured_of({experiment.primary_metric})[experiment.primary_metric]
    by_arm = sums.get(measured.slug, {})
    tried = [by_arm.get(arm.slug, NOBODY) for arm in arms if arm.paused_at is None]
    found = iter(thompson_weights(measured=measured, arms=tried, seed=experiment.share))
    weights = [next(found) if arm.paused_at is None else 0 for arm in arms]
    share = min(BUCKETS, experiment.share + STEP)
    try:
        with transaction.atomic():
            prompts.grow_experiment(
                experiment=experiment,
                share=share,
                weights=weights,
                reason="Thompson sampling: newcomers go where the best may be.",
                by=None,
                now=now,
            )
    except PromptError as error:  # another experiment is in the way
        log.info("experiment_does_not_grow", experiment=experiment.slug, error=str(error))
