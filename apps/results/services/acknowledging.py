"""People say that they have seen what a guardrail did."""

from datetime import datetime

from django.contrib.auth.models import User

from apps.prompts.models import Arm
from apps.results.alerts import Kind
from apps.results.models import Acknowledgement, GuardFinding

_MODELS = {"arm": Arm, "finding": GuardFinding}


def acknowledge(*, kind: Kind, pk: int, by: User, now: datetime) -> Acknowledgement:
    """Twice is fine: the first one counts. Raises `Arm.DoesNotExist` or
    `GuardFinding.DoesNotExist`, also for an arm that nothing paused."""
    rows = _MODELS[kind]._default_manager.filter(pk=pk)
    if kind == "arm":
        rows = rows.exclude(paused_at=None)
    found = rows.get()
    row, _ = Acknowledgement.objects.get_or_create(**{kind: found}, defaults={"by": by, "at": now})
    return row
