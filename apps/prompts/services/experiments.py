"""A/B experiments: started once, stopped once. While one runs its arms don't change, and its share
of the subjects only grows: taking it away would show subjects the release again."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.audit.history import note_reason
from apps.core.problems import Fault
from apps.prompts.assignment import BUCKETS, percent
from apps.prompts.errors import PromptError, refused
from apps.prompts.measured import BUILT_IN
from apps.prompts.models import (
    Arm,
    Experiment,
    ExperimentPhase,
    ExperimentStatus,
    Metric,
    Release,
    VersionStatus,
)
from apps.prompts.services.locks import lock_prompt
from apps.prompts.services.releases import check_permitted, reason_faults
from apps.prompts.services.requests import approved_for_experiments

_STARTED = (ExperimentStatus.RUNNING, ExperimentStatus.PAUSED)


@transaction.atomic
def start_experiment(*, experiment: Experiment, by: User | None, now: datetime) -> Experiment:
    """From now on the arms answer to the experiment's share of the subjects on the channel.

    Raises `NotPermitted` on a protected channel without the permission, and `PromptError` with all
    faults: fewer than two arms, weights that don't sum to 10,000, versions that aren't sealed or
    of another prompt, testers of arms that don't exist, too few subjects left beside other running
    experiments, or no release to fall back on.
    """
    lock_prompt(experiment.prompt_id)
    row = Experiment.objects.select_related("prompt", "channel").get(pk=experiment.pk)
    check_permitted(channel=row.channel, by=by)
    if row.status != ExperimentStatus.DRAFT:
        raise refused(f"{row} is {row.status}; an experiment starts once.", code="not_draft")
    place = _free_place(row)
    faults = [*_arm_faults(row), *_tester_faults(row), *_channel_faults(row, place)]
    if faults := [*faults, *_plan_faults(row)]:
        raise PromptError(faults)
    row.salt = row.salt or secrets.token_hex(16)
    row.status, row.started_at, row.share_from = ExperimentStatus.RUNNING, now, place or 0
    row.save()
    ExperimentPhase.objects.create(experiment=row, share=row.share, began_at=now, actor=by)
    return row


@transaction.atomic
def grow_experiment(
    *,
    experiment: Experiment,
    share: int,
    reason: str,
    by: User | None,
    now: datetime,
    weights: Sequence[int] = (),
) -> Experiment:
    """More subjects take part; those who do keep their arms. `share` in basis points of all,
    `weights` of the arms for those who join; without them the arms' own.

    Raises as `start_experiment` does, and `PromptError` with all faults: no reason, not more than
    now, or subjects that belong to another running experiment.
    """
    lock_prompt(experiment.prompt_id)
    row = Experiment.objects.select_related("prompt", "channel").get(pk=experiment.pk)
    check_permitted(channel=row.channel, by=by)
    if row.status != ExperimentStatus.RUNNING:
        raise refused(f"{row} is not running.", code="not_running")
    if faults := [*reason_faults(reason), *_growth_faults(row, share)]:
        raise PromptError(faults)
    row.share = share
    row.save()
    ExperimentPhase.objects.create(
        experiment=row,
        share=share,
        weights=list(weights),
        began_at=now,
        reason=reason.strip(),
        actor=by,
    )
    return row


@transaction.atomic
def stop_experiment(*, experiment: Experiment, now: datetime, conclusion: str = "") -> Experiment:
    """The channel's release answers again. Raises `PromptError` unless it runs or is paused."""
    lock_prompt(experiment.prompt_id)
    row = Experiment.objects.get(pk=experiment.pk)
    if row.status not in _STARTED or row.started_at is None:
        raise refused(f"{row} is not running.", code="not_running")
    row.status, row.stopped_at = ExperimentStatus.STOPPED, max(now, row.started_at)
    row.conclusion = conclusion[:500] or row.conclusion
    row.save()
    return row


@transaction.atomic
def pause_experiment(*, experiment: Experiment, because: str) -> Experiment:
    """Nobody takes part any more: its results cannot be trusted. Only a stop follows. Raises
    `PromptError` unless it is running."""
    lock_prompt(experiment.prompt_id)
    row = Experiment.objects.get(pk=experiment.pk)
    if row.status != ExperimentStatus.RUNNING:
        raise refused(f"{row} is not running.", code="not_running")
    note_reason(because)
    row.status, row.conclusion = ExperimentStatus.PAUSED, because[:500]
    row.save()
    return row


@transaction.atomic
def pause_arm(*, arm: Arm, because: str, now: datetime) -> Arm:
    """The control answers the arm's subjects from now on; nobody else changes arms. The audit log
    has it with its reason.

    Raises `PromptError` for the control, for an arm that is paused, or unless it is running.
    """
    lock_prompt(arm.version.prompt_id)
    row = Arm.objects.select_related("experiment").get(pk=arm.pk)
    if row.experiment.status != ExperimentStatus.RUNNING:
        raise refused(f"{row.experiment} is not running.", code="not_running")
    first = row.experiment.arms.order_by("position").values_list("pk", flat=True).first()
    if row.pk == first or row.paused_at is not None:
        which = "the control" if row.pk == first else "paused already"
        raise refused(f"{row} is {which}.", code="not_pausable")
    note_reason(because)
    row.paused_at, row.paused_because = now, because[:500]
    row.save()
    return row


def _arm_faults(row: Experiment) -> list[Fault]:
    arms = list(row.arms.select_related("version__prompt"))
    faults = [fault for arm in arms for fault in _version_faults(row, arm)]
    if len(arms) < 2:
        faults.append(Fault("/arms", "An experiment needs at least two arms.", "too_few"))
    total = sum(arm.weight for arm in arms)
    if total != BUCKETS:
        detail = f"The weights sum to {total:,}, not to {BUCKETS:,} (100 %)."
        faults.append(Fault("/arms", detail, "bad_sum"))
    return faults


def _plan_faults(row: Experiment) -> list[Fault]:
    guardrails = list(row.guardrails.values_list("metric", flat=True))
    named = [("/primary_metric", row.primary_metric)]
    named += [(f"/guardrails/{metric}", metric) for metric in guardrails]
    known = {*BUILT_IN, *Metric.objects.values_list("slug", flat=True)}
    faults = [
        Fault(at, f"There is no metric “{slug}”. Known: {', '.join(sorted(known))}.", "not_found")
        for at, slug in named
        if slug not in known
    ]
    if row.adaptive and row.arms.count() < 3:
        detail = "With two arms a plain test finds the better one sooner; leave `adaptive` out."
        faults.append(Fault("/adaptive", detail, "too_few_arms"))
    return faults


def _version_faults(row: Experiment, arm: Arm) -> list[Fault]:
    at = f"/arms/{arm.slug}/version"
    if arm.version.prompt_id != row.prompt_id:
        return [Fault(at, f"{arm.version} belongs to another prompt.", "other_prompt")]
    if arm.version.status != VersionStatus.SEALED:
        return [Fault(at, f"{arm.version} is {arm.version.status}, not sealed.", "not_sealed")]
    if row.channel.approvals and not approved_for_experiments(
        channel=row.channel, version=arm.version
    ):
        detail = f"{arm.version} was never live on {row.channel}; request its use in experiments."
        return [Fault(at, detail, "needs_approval")]
    return []


def _tester_faults(row: Experiment) -> list[Fault]:
    slugs = set(row.arms.values_list("slug", flat=True))
    return [
        Fault(f"/testers/{subject}", f"There is no arm “{arm}”.", "no_such_arm")
        for subject, arm in row.testers.items()
        if arm not in slugs
    ]


def _growth_faults(row: Experiment, share: int) -> list[Fault]:
    if share <= row.share:
        detail = f"It has {percent(row.share)} already; a share can only grow. Stop it instead."
        return [Fault("/share", detail, "not_more")]
    most = _room_after(row) - row.share_from
    if share > most:
        detail = f"At most {percent(most)}: what follows belongs to another experiment."
        return [Fault("/share", detail if most < BUCKETS else "At most 100 %.", "too_much")]
    return []


def _running_beside(row: Experiment) -> list[Experiment]:
    """On the same prompt and channel, in order of their subjects."""
    running = Experiment.objects.filter(
        prompt=row.prompt, channel=row.channel, status=ExperimentStatus.RUNNING
    )
    return list(running.exclude(pk=row.pk).order_by("share_from"))


def _room_after(row: Experiment) -> int:
    later = (other.share_from for other in _running_beside(row))
    return min((place for place in later if place > row.share_from), default=BUCKETS)


def _free_place(row: Experiment) -> int | None:
    """The first bucket after which `row.share` of them belong to nobody."""
    place = 0
    for other in _running_beside(row):
        if other.share_from - place >= row.share:
            return place
        place = other.share_from + other.share
    return place if BUCKETS - place >= row.share else None


def _channel_faults(row: Experiment, place: int | None) -> list[Fault]:
    faults = []
    if place is None:
        names = ", ".join(f"{one} ({percent(one.share)})" for one in _running_beside(row))
        detail = f"{percent(row.share)} of the subjects are not free on {row.channel}: {names}."
        faults.append(Fault("/share", f"{detail} Take less, or stop one.", "no_room"))
    live = Release.objects.filter(prompt=row.prompt, channel=row.channel, ended_at=None)
    if not live.exists():
        detail = f"Release a version to {row.channel} first: it answers when the experiment stops."
        faults.append(Fault("/channel", detail, "no_release"))
    return faults
