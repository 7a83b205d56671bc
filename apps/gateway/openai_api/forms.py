"""How a stream is written: the events of a chat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from apps.core import strict_json
from apps.core.money import exact_usd
from apps.gateway.openai_api.errors import ApiError
from apps.gateway.types import CallOutcome


class Form(Protocol):
    """Turns what happens into bytes of server-sent events, in the order in which it happens."""

    def chunk(self, chunk: Mapping[str, Any]) -> bytes: ...

    def end(self, outcome: CallOutcome) -> bytes: ...

    def error(self, error: ApiError) -> bytes: ...


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """OpenAI's `stream_options`: a last chunk with the usage; padding against traffic analysis."""

    include_usage: bool = False
    include_obfuscation: bool = True


class ChatForm:
    """Chunks as the provider sent them."""

    def __init__(self, options: StreamOptions) -> None:
        self._options = options

    def chunk(self, chunk: Mapping[str, Any]) -> bytes:
        said = dict(chunk)
        if self._options.include_usage:
            said["usage"] = None  # as OpenAI has it; the numbers come once, in the last chunk
        else:
            said.pop("usage", None)
        if not self._options.include_obfuscation:
            said.pop("obfuscation", None)
        return event(said)

    def end(self, outcome: CallOutcome) -> bytes:
        usage = event(last_chunk(outcome)) if self._options.include_usage else b""
        return usage + b"data: [DONE]\n\n"

    def error(self, error: ApiError) -> bytes:
        return event(error.body)


def last_chunk(outcome: CallOutcome) -> dict[str, Any]:
    """OpenAI's last chunk, with the cost beside the usage, and what the headers of a plain answer
    say: here they had left before it was known."""
    body = outcome.body.items()
    head = {name: value for name, value in body if name not in {"choices", "usage", "object"}}
    usage = {
        **(outcome.body.get("usage") or {}),
        "cost_usd": exact_usd(outcome.cost_pico),
        **({"cost_estimated": True} if outcome.cost_estimated else {}),
    }
    about = {
        "model": outcome.model,
        "deployment": outcome.deployment,
        "cache": outcome.cache,
        "cache_key": outcome.cache_key,
        **({"cache_likeness": round(outcome.likeness, 3)} if outcome.likeness else {}),
        "attempts": outcome.attempts,
        **({"degraded": outcome.degraded} if outcome.degraded else {}),
    }
    return {
        **head,
        "object": "chat.completion.chunk",
        "choices": [],
        "usage": usage,
        "llmplatform": about,
    }


def event(value: Any) -> bytes:
    return b"data: " + strict_json.dumps(value) + b"\n\n"
