"""What goes into an adapter and what comes out: plain immutable values in OpenAI's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.providers.counts import UsageConflict
from apps.providers.usage import Contested, Reported, Usage, decompose_openai_usage

__all__ = [
    "ChatRequest",
    "ChatResult",
    "Chunk",
    "Contested",
    "EmbeddingRequest",
    "EmbeddingResult",
    "Endpoint",
    "Reported",
    "Usage",
    "UsageConflict",
    "decompose_openai_usage",
]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One callable place: an account at a vendor's address, and the model's name there.

    `connect_timeout` and `read_timeout` are in seconds; the latter bounds the silence between
    two bytes, while a request's own `timeout` bounds the whole call. `finish_required=False` is
    for servers that leave `finish_reason` empty on complete answers (Ollama does).
    """

    deployment: str
    vendor: str
    base_url: str
    api_key: str = field(repr=False)
    model: str
    api_version: str = ""
    connect_timeout: float = 5
    read_timeout: float = 120
    headers: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    finish_required: bool = True


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation to complete. `parameters` carry OpenAI's names, validated by the caller.

    They must hold `max_tokens` or `max_completion_tokens`: what an answer may cost rests on it.
    `timeout` is in seconds, for the whole call including the end of a stream.
    """

    messages: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Any]
    stream: bool
    timeout: float


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts, or lists of token ids, to turn into vectors. `timeout` in seconds."""

    inputs: tuple[str, ...] | tuple[tuple[int, ...], ...]
    parameters: Mapping[str, Any]
    timeout: float


@dataclass(frozen=True, slots=True)
class ChatResult:
    """A complete and checked answer.

    `message` and `finish_reason` belong to choice 0, `choices` are all of them and `raw` is the
    whole body. `usage` is None when it was missing or contradicts itself; `usage_problem` says
    which. A refusal by the provider's filter is an answer too: `finish_reason` is then
    `content_filter`.
    """

    message: Mapping[str, Any]
    choices: tuple[Mapping[str, Any], ...]
    finish_reason: str | None
    model: str
    usage: Usage | None
    usage_problem: str | None
    provider_request_id: str
    raw: Mapping[str, Any]
    contested: Contested | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One event of a stream. `text` is the new text of choice 0, often empty.

    The last chunk usually has no choices and carries `usage`, or `usage_problem` when the
    reported numbers contradict themselves. A stream that carried neither reported nothing.
    """

    raw: Mapping[str, Any]
    text: str
    finish_reason: str | None
    usage: Usage | None
    usage_problem: str | None = None
    provider_request_id: str = ""
    contested: Contested | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingResult:
    """OpenAI's `data` items, one for each input and in the order of the inputs."""

    vectors: tuple[Mapping[str, Any], ...]
    model: str
    usage: Usage | None
    usage_problem: str | None
    provider_request_id: str
    raw: Mapping[str, Any]
    contested: Contested | None = None
