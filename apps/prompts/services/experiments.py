"""A/B experiments: started once, stopped once; while one runs, its arms don't change."""

import secrets
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.core.problems import Fault
from apps.prompts.assignment import BUCKETS
from apps.prompts.errors import PromptError, refused
from apps.prompts.models import Arm, Experiment, ExperimentStatus, Release, VersionStatus
from apps.prompts.services.locks import lock_prompt
from apps.prompts.services.releases import check_permitted


@transaction.atomic
def start_experiment(*, experiment: Experiment, by: User | None, now: datetime) -> Experiment:
    """From now on the arms answer on the channel, each its share of the subjects.

    Raises `NotPermitted` on a protected channel without the permission, and `PromptError` with all
    faults: fewer than two arms, weights that don't sum to 10,000, versions that aren't sealed or
    of another prompt, another running experiment, or no release to fall back on.
    """
    lock_prompt(experiment.prompt_id)
    row = Experiment.objects.select_related("prompt", "channel").get(pk=experiment.pk)
    check_permitted(channel=row.channel, by=by)
    if row.status != ExperimentStatus.DRAFT:
        raise refused(f"{row} is {row.status}; an experiment starts once.", code="not_draft")
    if faults := [*_arm_faults(row), *_channel_faults(row)]:
        raise PromptError(faults)
    row.salt = row.salt or secrets.token_hex(16)
    row.status, row.started_at = ExperimentStatus.RUNNING, now
    row.save()
    return row


@transaction.atomic
def stop_experiment(*, experiment: Experiment, now: datetime) -> Experiment:
    """The channel's release answers again. Raises `PromptError` unless it is running."""
    lock_prompt(experiment.prompt_id)
    row = Experiment.objects.get(pk=experiment.pk)
    if row.status != ExperimentStatus.RUNNING or row.started_at is None:
        raise refused(f"{row} is not running.", code="not_running")
    row.status, row.stopped_at = ExperimentStatus.STOPPED, max(now, row.started_at)
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


def _version_faults(row: Experiment, arm: Arm) -> list[Fault]:
    at = f"/arms/{arm.slug}/version"
    if arm.version.prompt_id != row.prompt_id:
        return [Fault(at, f"{arm.version} belongs to another prompt.", "other_prompt")]
    if arm.version.status != VersionStatus.SEALED:
        return [Fault(at, f"{arm.version} is {arm.version.status}, not sealed.", "not_sealed")]
    return []


def _channel_faults(row: Experiment) -> list[Fault]:
    faults = []
    beside = Experiment.objects.filter(
        prompt=row.prompt, channel=row.channel, status=ExperimentStatus.RUNNING
    ).first()
    if beside is not None:
        detail = f"{beside} runs on {row.channel} already; stop it first."
        faults.append(Fault("/channel", detail, "other_running"))
    live = Release.objects.filter(prompt=row.prompt, channel=row.channel, ended_at=None)
    if not live.exists():
        detail = f"Release a version to {row.channel} first: it answers when the experiment stops."
        faults.append(Fault("/channel", detail, "no_release"))
    return faults
