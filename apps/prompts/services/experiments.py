"""A/B experiments: started once, stopped once. While one runs its arms don't change, and its share
of the subjects only grows: taking it away would show subjects the release again."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.prompts.errors import PromptError, refused
from apps.prompts.models import Experiment, ExperimentPhase, ExperimentStatus
from apps.prompts.services.experiment_faults import (
    arm_faults,
    channel_faults,
    free_place,
    growth_faults,
    plan_faults,
    tester_faults,
)
from apps.prompts.services.locks import lock_prompt
from apps.prompts.services.releases import check_permitted, reason_faults


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
    place = free_place(row)
    faults = [*arm_faults(row), *tester_faults(row), *channel_faults(row, place)]
    if faults := [*faults, *plan_faults(row)]:
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
    if faults := [*reason_faults(reason), *growth_faults(row, share)]:
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
