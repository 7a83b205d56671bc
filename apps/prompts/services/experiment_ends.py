"""How experiments and their arms end: by people, by guardrails, by promotion."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from apps.audit.history import note_reason
from apps.prompts.errors import refused
from apps.prompts.models import Arm, Experiment, ExperimentStatus, ReleaseRequest
from apps.prompts.services.locks import lock_prompt
from apps.prompts.services.requests import request_release

_STARTED = (ExperimentStatus.RUNNING, ExperimentStatus.PAUSED)


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


@transaction.atomic
def promote_arm(*, arm: Arm, reason: str, by: User, now: datetime) -> ReleaseRequest:
    """Stop the experiment and ask that the arm's version goes live on its channel, at once where
    nobody must approve.

    Raises as `request_release` does, and `PromptError` unless the experiment runs.
    """
    row = Arm.objects.select_related("experiment__channel", "experiment__prompt", "version").get(
        pk=arm.pk
    )
    experiment = row.experiment
    stop_experiment(experiment=experiment, now=now, conclusion=f"“{row.slug}” was promoted.")
    return request_release(
        prompt=experiment.prompt,
        channel=experiment.channel,
        version=row.version,
        reason=reason,
        by=by,
        now=now,
    )
