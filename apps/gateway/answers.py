"""A provider's answer in one form, whether it came whole, as a stream, or as vectors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.ledger.storable import storable_json
from apps.providers.types import ChatResult, Contested, EmbeddingResult, Usage

MAX_TEXT = 64 * 1024 * 1024  # characters; adapters refuse larger answers


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is OpenAI's response object; `first_token_ms` only of streams; `contested` is reported
    usage that cannot be true, as it was sent."""

    body: Mapping[str, Any]
    text: str
    finish_reason: str
    usage: Usage | None
    usage_problem: str
    provider_request_id: str
    first_token_ms: int | None = None
    contested: Contested | None = None


def from_chat(result: ChatResult) -> Answer:
    body = storable_json(result.raw, limit=MAX_TEXT)
    return Answer(
        body=body,
        text=str(body["choices"][0]["message"].get("content") or ""),
        finish_reason=result.finish_reason or "",
        usage=result.usage,
        usage_problem=result.usage_problem or "",
        provider_request_id=result.provider_request_id,
        contested=result.contested,
    )


def from_embedding(result: EmbeddingResult) -> Answer:
    return Answer(
        body=result.raw,
        text="",
        finish_reason="stop",
        usage=result.usage,
        usage_problem=result.usage_problem or "",
        provider_request_id=result.provider_request_id,
        contested=result.contested,
    )


def as_chunks(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A whole answer as the stream that would have told it: what a cached answer is replayed as."""
    head = {name: value for name, value in body.items() if name not in {"choices", "usage"}}
    head["object"] = "chat.completion.chunk"
    for place, choice in enumerate(body.get("choices") or ()):
        delta = {name: value for name, value in choice["message"].items() if value is not None}
        if delta.get("tool_calls"):
            calls = enumerate(delta["tool_calls"])
            delta["tool_calls"] = [{**call, "index": index} for index, call in calls]
        logprobs = choice.get("logprobs")
        index, finish = choice.get("index", place), choice.get("finish_reason")
        said = {"index": index, "delta": delta, "logprobs": logprobs}
        end = {"index": index, "delta": {}, "logprobs": None}
        yield {**head, "choices": [{**said, "finish_reason": None}]}
        yield {**head, "choices": [{**end, "finish_reason": finish}]}
