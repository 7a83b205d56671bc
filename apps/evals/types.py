"""Checks, the answers that they look at, and what they find."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextChoices


class CheckKind(TextChoices):
    """What a check asks of an answer."""

    EQUALS = "equals", "Equals"
    CONTAINS_ALL = "contains-all", "Contains all"
    CONTAINS_ANY = "contains-any", "Contains any"
    ICONTAINS_ALL = "icontains-all", "Contains all, upper or lower case"
    ICONTAINS_ANY = "icontains-any", "Contains any, upper or lower case"
    STARTS_WITH = "starts-with", "Starts with"
    REGEX = "regex", "Matches a regular expression"
    IS_JSON = "is-json", "Is JSON"
    JSON_SCHEMA = "json-schema", "Is JSON that fits a schema"
    JSON_FIELD = "json-field-equals", "A field of the JSON equals"
    LENGTH = "length", "Length in characters"
    LEVENSHTEIN = "levenshtein", "Similar text (edit distance)"
    NUMERIC = "numeric-close", "A number close to"
    REFUSAL = "is-refusal", "Is a refusal"
    LATENCY = "latency", "Answered within (milliseconds)"
    COST = "cost", "Costs at most (USD)"
    TOKENS = "tokens", "Output tokens"
    TOOL_CALL = "tool-call-valid", "Calls a tool validly"
    JUDGE_RUBRIC = "judge-rubric", "A judge scores it by a rubric"
    JUDGE_PAIRWISE = "judge-pairwise", "A judge prefers it to the baseline"
    HUMAN = "human", "A person decides"


JUDGED = frozenset({CheckKind.JUDGE_RUBRIC, CheckKind.JUDGE_PAIRWISE})
DEFERRED = JUDGED | {CheckKind.HUMAN}
"""Those that an answer alone cannot decide."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question to an answer. What each field means depends on the kind (`checks.rules`).

    `threshold` turns a score into yes or no; `negate` then turns it round; `weight` is its share of
    the case's score.
    """

    kind: str
    value: str = ""
    path: str = ""
    minimum: float | None = None
    maximum: float | None = None
    threshold: float | None = None
    negate: bool = False
    weight: float = 1.0
    label: str = ""
    judge_id: int | None = None
    """Id of the sealed prompt version that judges."""

    @property
    def title(self) -> str:
        kind = CheckKind(self.kind).label
        text = self.label or f"{kind} {self.path}".strip()
        return f"Not: {text}" if self.negate and not self.label else text


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one case. Cost in 10⁻¹² USD; `tools` are those that were offered."""

    text: str
    message: Mapping[str, Any] = field(default_factory=dict)
    finish_reason: str = "stop"
    latency_ms: int = 0
    cost_pico: int = 0
    output_tokens: int = 0
    tools: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A check's raw finding: `score` from 0 to 1, and why."""

    score: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check's say in the case's score. `score` None: nobody has decided yet."""

    score: float | None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"score": self.score, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Grade:
    """Of one answer. None while a judge or a person has yet to decide."""

    score: float | None
    passed: bool | None
