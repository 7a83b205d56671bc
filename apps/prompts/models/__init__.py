"""Prompts: sealed versions, channels that point at them, releases and experiments."""

from apps.prompts.models.comments import LineComment
from apps.prompts.models.experiments import (
    Arm,
    Experiment,
    ExperimentPhase,
    ExperimentStatus,
    Guardrail,
)
from apps.prompts.models.metrics import Direction, Kind, Metric
from apps.prompts.models.prompts import (
    Inclusion,
    Prompt,
    PromptVersion,
    VersionStatus,
)
from apps.prompts.models.releases import (
    Channel,
    Freeze,
    Release,
    ReleaseKind,
)
from apps.prompts.models.requests import (
    OPEN_STATES,
    Approval,
    ReleaseRequest,
    RequestKind,
    RequestState,
)
from apps.prompts.models.words import PromptWords

__all__ = [
    "OPEN_STATES",
    "Approval",
    "Arm",
    "Channel",
    "Direction",
    "Experiment",
    "ExperimentPhase",
    "ExperimentStatus",
    "Freeze",
    "Guardrail",
    "Inclusion",
    "Kind",
    "LineComment",
    "Metric",
    "Prompt",
    "PromptVersion",
    "PromptWords",
    "Release",
    "ReleaseKind",
    "ReleaseRequest",
    "RequestKind",
    "RequestState",
    "VersionStatus",
]
