"""What the response cache hands to other apps."""

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

EVERY_SERVICE = "*"
"""Stands for the tenant where something holds for all of them; no slug can be it."""


class Handle(StrEnum):
    """By what answers can be invalidated."""

    TAG = "tag"
    PROMPT = "prompt"
    MODEL = "model"
    KEY = "key"
    SERVICE = "service"

    @property
    def label(self) -> str:
        """For people."""
        return self.value.capitalize()


@dataclass(frozen=True, slots=True)
class Scope:
    """All answers of a tenant that share a handle: what one invalidation drops."""

    tenant: str
    handle: Handle
    name: str


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer as it was given, with what it cost then (pico-USD).

    `source` identifies the deployment and the model's row that gave it."""

    body: Mapping[str, Any]
    text: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    usage: Mapping[str, int]
    cost_pico: int
    provider: str
    model: str
    deployment: str
    source: str


@dataclass(frozen=True, slots=True)
class Similar:
    """An author's choice: an answer is also given to a question that is like the one it answered.

    `variable` of the prompt holds the question, `model` makes the vectors, and their cosine is
    `at_least` this."""

    variable: str
    model: str
    at_least: float


@dataclass(frozen=True, slots=True)
class Lifetime:
    """For how long an answer is fresh, and how much longer it may stand in while every route is
    dead. Seconds. `similar` None: only the same request gets it."""

    ttl: int
    stale: int = 0
    similar: Similar | None = None


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """What is looked for. `key` is the SHA-256 of everything that shapes the output; `epoch` moves
    when Postgres says that everything before is void; `accepts` says whether what
    gave an answer would still give it."""

    tenant: str
    key: str
    scopes: tuple[Scope, ...]
    epoch: int
    lifetime: Lifetime
    accepts: Callable[[CachedAnswer], bool]


@dataclass(frozen=True, slots=True)
class Question:
    """What a call asked. `shelf` names all that must be equal; `vector` says what may differ."""

    shelf: str
    vector: "array[float]"


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found. `generations` is empty while Redis is away: then nothing can be stored.

    An answer is in at most one of `fresh` and `stale`; both are as valid as no invalidation and no
    change of their deployment makes them. `likeness` above 0: `fresh` answered a similar question,
    that of `request`. `question`: under what a new answer will be found by similar ones."""

    request: CacheRequest
    generations: tuple[str, ...] = ()
    fresh: CachedAnswer | None = None
    stale: CachedAnswer | None = None
    likeness: float = 0.0
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """Lifetimes by (prompt, service), "" for any; and the tenants' epochs (`CacheEpoch`)."""

    lifetimes: Mapping[tuple[str, str], Lifetime] = field(default_factory=dict)
    epochs: Mapping[str, int] = field(default_factory=dict)

    def epoch(self, tenant: str) -> int:
        """Of the tenant and of all together; it only grows."""
        return self.epochs.get(tenant, 0) + self.epochs.get(EVERY_SERVICE, 0)

    def lifetime(self, *, prompt: str, service: str, default: Lifetime) -> Lifetime:
        """The most specific rule: prompt and service, then prompt, then service."""
        for key in ((prompt, service), (prompt, ""), ("", service)):
            if key in self.lifetimes:
                return self.lifetimes[key]
        return default
