"""A provider's answer in one form, whether it came whole, as a stream, or as vectors."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.ledger.storable import storable_json, storable_text
from apps.providers.types import ChatResult, Chunk, EmbeddingResult, Usage

MAX_TEXT = 64 * 1024 * 1024  # characters; adapters refuse larger answers


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is OpenAI's response object; `first_token_ms` only of streams."""

    body: Mapping[str, Any]
    text: str
    finish_reason: str
    usage: Usage | None
    usage_problem: str
    provider_request_id: str
    first_token_ms: int | None = None


def from_chat(result: ChatResult) -> Answer:
    body = storable_json(result.raw, limit=MAX_TEXT)
    return Answer(
        body=body,
        text=str(body["choices"][0]["message"].get("content") or ""),
        finish_reason=result.finish_reason or "",
        usage=result.usage,
        usage_problem=result.usage_problem or "",
        provider_request_id=result.provider_request_id,
    )


def from_embedding(result: EmbeddingResult) -> Answer:
    return Answer(
        body=result.raw,
        text="",
        finish_reason="stop",
        usage=result.usage,
        usage_problem=result.usage_problem or "",
        provider_request_id=result.provider_request_id,
    )


@dataclass(slots=True)
class Assembler:
    """Puts the chunks of a stream together into the answer that a plain call would have given."""

    _head: dict[str, Any] = field(default_factory=dict)
    _choices: dict[int, dict[str, Any]] = field(default_factory=dict)
    usage: Usage | None = None
    usage_problem: str = ""
    provider_request_id: str = ""

    def add(self, chunk: Chunk) -> None:
        self._head = self._head or {
            name: chunk.raw.get(name) for name in ("id", "created", "model")
        }
        self.usage = chunk.usage or self.usage
        self.usage_problem = chunk.usage_problem or self.usage_problem
        self.provider_request_id = chunk.provider_request_id or self.provider_request_id
        for choice in chunk.raw.get("choices") or ():
            self._add_choice(choice)

    def _add_choice(self, choice: Mapping[str, Any]) -> None:
        index = int(choice.get("index") or 0)
        blank = {"index": index, "message": {"role": "assistant", "content": None}}
        kept = self._choices.setdefault(index, {**blank, "finish_reason": None})
        kept["finish_reason"] = choice.get("finish_reason") or kept["finish_reason"]
        message, delta = kept["message"], choice.get("delta") or {}
        for name in ("content", "refusal"):
            if isinstance(delta.get(name), str):
                message[name] = (message.get(name) or "") + delta[name]
        for call in delta.get("tool_calls") or ():
            _merge_tool_call(message.setdefault("tool_calls", []), call)

    @property
    def text(self) -> str:
        message = self._choices[0]["message"] if 0 in self._choices else {}
        return message.get("content") or ""

    @property
    def size(self) -> int:
        """Bytes of all that was said so far: a bound on its tokens."""
        return sum(len(str(choice["message"]).encode()) for choice in self._choices.values())

    def answer(self, *, first_token_ms: int | None) -> Answer:
        choices = [self._choices[index] for index in sorted(self._choices)]
        body: dict[str, Any] = {**self._head, "object": "chat.completion", "choices": choices}
        if self.usage is not None:
            body["usage"] = self.usage.raw
        body = storable_json(body, limit=MAX_TEXT)
        return Answer(
            body=body,
            text=storable_text(self.text, MAX_TEXT),
            finish_reason=(choices[0]["finish_reason"] or "") if choices else "",
            usage=self.usage,
            usage_problem=self.usage_problem,
            provider_request_id=self.provider_request_id,
            first_token_ms=first_token_ms,
        )


def _merge_tool_call(calls: list[dict[str, Any]], delta: Mapping[str, Any]) -> None:
    index = int(delta.get("index") or 0)
    while len(calls) <= index:
        calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
    call, function = calls[index], delta.get("function") or {}
    if delta.get("id"):
        call["id"] = delta["id"]
    for name in ("name", "arguments"):
        call["function"][name] += function.get(name) or ""


def as_chunks(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A whole answer as the stream that would have told it: what a cached answer is replayed as."""
    head = {name: body.get(name) for name in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"
    for choice in body.get("choices") or ():
        delta = {name: value for name, value in choice["message"].items() if value is not None}
        for index, call in enumerate(delta.get("tool_calls") or ()):
            call["index"] = index
        said = {"index": choice["index"], "delta": delta, "finish_reason": None}
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        yield {**head, "choices": [said]}
        yield {**head, "choices": [end]}
