"""Checks and outcomes as a run keeps them, in JSON and back."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from apps.core.strict_json import canonical
from apps.evals.types import Check, Outcome


def checks_to_json(checks: Iterable[Check]) -> list[dict[str, Any]]:
    return [asdict(check) for check in checks]


def checks_of(stored: Sequence[Mapping[str, Any]]) -> list[Check]:
    return [Check(**values) for values in stored]


def outcomes_of(stored: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    return [Outcome(**values) for values in stored]


def questions_hash(checks: Sequence[Check], threshold: float) -> str:
    """Equal for runs whose answers were asked the same."""
    return hashlib.sha256(canonical([checks_to_json(checks), threshold])).hexdigest()
