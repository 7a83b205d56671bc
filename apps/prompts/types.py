"""What other apps know of prompts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from django.db.models import TextChoices

from apps.core.faults import Fault
from apps.prompts.engine import Include

VariableType = Literal["string", "number", "integer", "boolean", "list", "object", "messages"]
Trust = Literal["author", "service", "end_user"]
Sensitivity = Literal["none", "personal", "secret"]


class OnUnknown(TextChoices):
    """Whether a request whose outcome nobody knows (timeout, lost worker) is sent again."""

    RETRY = "retry", "Retry"
    FAIL = "fail", "Fail"


class PromptKind(TextChoices):
    """What a prompt is for. Fixed when it is made."""

    TASK = "task", "Task"
    FRAGMENT = "fragment", "Fragment"


@dataclass(frozen=True, slots=True)
class Variable:
    """One input of a prompt. `messages` is a list of ready messages that a placeholder inserts."""

    name: str
    type: VariableType = "string"
    required: bool = True
    default: Any = None
    """Of an optional variable that nobody gives; without one it is empty (numbers: null)."""
    max_length: int | None = None
    """Characters of a string; entries of a list, an object or messages."""
    trust: Trust = "service"
    """Who chose the value: an end user's text is the least trusted."""
    sensitivity: Sensitivity = "none"
    description: str = ""
    sample: Any = None


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """A prompt version as calls use it. Everything but `status` is immutable once sealed."""

    id: int
    prompt: str
    number: int
    status: str
    """As of when it was read: sealed and retired versions render alike."""
    messages: tuple[Mapping[str, Any], ...]
    variables: tuple[Variable, ...]
    model: str
    parameters: Mapping[str, Any]
    response_schema: Mapping[str, Any] | None
    content_hash: str
    fit: Mapping[str, Any] = field(default_factory=dict)
    """How it may be shortened (`fitting`); empty: not at all."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """What the model may call, in OpenAI's form; each is a function."""


@dataclass(frozen=True, slots=True)
class ArmFacts:
    slug: str
    version_id: int
    weight: int
    """Share in basis points; the arms of an experiment sum to 10,000."""
    paused: bool = False
    """Its subjects get the first arm, the control."""


@dataclass(frozen=True, slots=True)
class PhaseFacts:
    """Of subjects that joined when the experiment grew to this share: they keep its weights."""

    id: int
    share: int
    weights: tuple[int, ...] = ()
    """In order of the arms; empty: their own."""


@dataclass(frozen=True, slots=True)
class ExperimentFacts:
    slug: str
    salt: str
    arms: tuple[ArmFacts, ...]
    """In order of position."""
    share_from: int = 0
    share: int = 10_000
    """The buckets of subjects that take part: so many, from this one."""
    testers: Mapping[str, str] = field(default_factory=dict)
    """Subject → slug of the arm that it always gets."""
    phases: tuple[PhaseFacts, ...] = ()
    """In order, each with a larger share than the one before."""


@dataclass(frozen=True, slots=True)
class Resolved:
    version: VersionFacts
    arm: str = ""
    """`<experiment>/<arm>`, or empty without an experiment."""
    channel: str = ""
    """Empty: an exact version was asked for."""
    phase: int = 0
    """The id of the experiment's phase in which the subject joined."""
    counts: bool = True
    """Whether the subject may be counted: not one whose arm was chosen otherwise than by hash."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """The sealed version that an include stands for."""

    version_id: int
    slug: str
    number: int
    content_hash: str
    text: str
    newest: int
    """The number of its newest sealed version."""

    @property
    def pin(self) -> Include:
        """How it is named for ever."""
        return Include(self.slug, self.number)


Fragments: TypeAlias = Mapping[Include, Fragment]
NO_FRAGMENTS: Fragments = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check of a version found: faults forbid sealing, warnings don't."""

    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


class PromptNotFound(LookupError):
    """No such prompt, channel or version; the message lists what there is. Permanent."""


class VersionNotLoaded(LookupError):
    """The version exists but isn't in this process's memory: run `load_version` in a thread."""

    def __init__(self, version_id: int) -> None:
        super().__init__(f"Prompt version {version_id} is not in memory.")
        self.version_id = version_id


class VariableFaults(ValueError):
    """The values don't fit the prompt; every fault at once.

    `permanent`: the same values never will fit. Not so when the machine was too slow to render.
    """

    def __init__(self, faults: Iterable[Fault], *, permanent: bool = True) -> None:
        self.faults = tuple(faults)
        self.permanent = permanent
        super().__init__("; ".join(map(str, self.faults)))
