"""What became of calls of prompts, and of experiments."""

from apps.results.models.calls import Call, CallKey, Cursor, Outcome, ScoreHour, VersionHour
from apps.results.models.experiments import ArmHour, Exposure, ExposureScore
from apps.results.models.guards import GuardFinding
from apps.results.models.scores import Score

__all__ = [
    "ArmHour",
    "Call",
    "CallKey",
    "Cursor",
    "Exposure",
    "ExposureScore",
    "GuardFinding",
    "Outcome",
    "Score",
    "ScoreHour",
    "VersionHour",
]
