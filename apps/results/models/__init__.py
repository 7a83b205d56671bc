"""What became of calls of prompts, and of experiments."""

from apps.results.models.calls import Call, CallKey, Cursor, Outcome, ScoreHour, VersionHour
from apps.results.models.experiments import ArmHour, Exposure, ExposureScore
from apps.results.models.guards import Acknowledgement, GuardFinding
from apps.results.models.scores import Score
from apps.results.models.sent import SentNames

__all__ = [
    "Acknowledgement",
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
    "SentNames",
    "VersionHour",
]
