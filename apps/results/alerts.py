"""What guardrails did by themselves, until somebody has seen it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from django.db.models import CharField, F, Model, QuerySet, Value
from django.db.models.functions import Concat

from apps.prompts.models import Arm
from apps.results.models import Acknowledgement, GuardFinding

SHOWN_FOR = timedelta(days=7)

Kind = Literal["arm", "finding"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Alert:
    kind: Kind
    id: int
    """Of the arm or finding."""
    at: datetime
    because: str
    what: str
    """“experiment/arm”, or the prompt."""
    page: int
    """The id of the experiment, or of the prompt."""
    channel: str


def open_alerts(*, now: datetime) -> Sequence[Alert]:
    """Newest first, of the last seven days; one query."""
    arms = _open("arm", Arm.objects.filter(paused_at__gt=now - SHOWN_FOR)).values_list(
        Value("arm"),
        "pk",
        "paused_at",
        "paused_because",
        Concat("experiment__slug", Value("/"), "slug", output_field=CharField()),
        "experiment_id",
        "experiment__channel__slug",
    )
    findings = _open("finding", GuardFinding.objects.filter(at__gt=now - SHOWN_FOR)).values_list(
        Value("finding"),
        "pk",
        "at",
        "because",
        F("release__prompt__slug"),
        "release__prompt_id",
        "release__channel__slug",
    )
    rows: list[Any] = list(arms.union(findings, all=True))
    return sorted((Alert(*row) for row in rows), key=lambda one: one.at, reverse=True)


def _open(kind: Kind, rows: QuerySet[Any]) -> QuerySet[Any]:
    seen: QuerySet[Model] = Acknowledgement.objects.exclude(**{kind: None})
    return rows.order_by().exclude(pk__in=seen.values(kind))
