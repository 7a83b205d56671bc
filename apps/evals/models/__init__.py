"""Datasets, suites of checks, runs and what people said about answers."""

from apps.evals.models.datasets import Case, Dataset, DatasetVersion
from apps.evals.models.requirements import Requirement
from apps.evals.models.results import EvalResult, Judgement, ResultState, Review, ReviewState
from apps.evals.models.runs import OPEN_RUNS, EvalRun, RunStatus
from apps.evals.models.suites import Assertion, Suite

__all__ = [
    "OPEN_RUNS",
    "Assertion",
    "Case",
    "Dataset",
    "DatasetVersion",
    "EvalResult",
    "EvalRun",
    "Judgement",
    "Requirement",
    "ResultState",
    "Review",
    "ReviewState",
    "RunStatus",
    "Suite",
]
