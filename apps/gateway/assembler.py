"""From the chunks of a stream to the answer that a plain call would have given."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.gateway.answers import MAX_TEXT, Answer
from apps.ledger.storable import storable_json, storable_text
from apps.providers.types import Chunk, Contested, Usage

_NOT_HEAD = {"choices", "usage", "object", "obfuscation"}


class Merged:
    """An object that comes in pieces: texts grow, lists grow, all else is replaced.

    Texts are kept in parts: adding to one text a thousand times would copy it a thousand times.
    """

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._values: dict[str, Any] = {}
        self._calls: dict[int, Merged] = {}

    def add(self, piece: Mapping[str, Any]) -> None:
        for name, value in piece.items():
            if name == "tool_calls":
                for call in value or ():
                    self._calls.setdefault(int(call.get("index") or 0), Merged()).add(call)
            elif isinstance(value, str) and name not in {"role", "id", "type"}:
                self._texts.setdefault(name, []).append(value)
            elif isinstance(value, Mapping):
                self._gathered(name, Merged).add(value)
            elif isinstance(value, list):
                self._gathered(name, list).extend(value)
            elif value is not None or name not in self._values:
                self._values[name] = value

    def _gathered(self, name: str, kind: type[Any]) -> Any:
        """What came under this name so far; of another kind it is no piece of the same."""
        if not isinstance(self._values.get(name), kind):
            self._values[name] = kind()
        return self._values[name]

    def value(self) -> dict[str, Any]:
        whole = {
            name: value.value() if isinstance(value, Merged) else value
            for name, value in self._values.items()
        }
        whole |= {name: "".join(parts) for name, parts in self._texts.items()}
        if self._calls:
            calls = [self._calls[index].value() for index in sorted(self._calls)]
            whole["tool_calls"] = [
                {name: value for name, value in call.items() if name != "index"} for call in calls
            ]
        return whole


@dataclass(slots=True)
class _Choice:
    message: Merged = field(default_factory=Merged)
    logprobs: Merged = field(default_factory=Merged)
    has_logprobs: bool = False
    finish_reason: str | None = None

    def add(self, choice: Mapping[str, Any]) -> None:
        self.message.add(choice.get("delta") or {})
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        if choice.get("logprobs") is not None:
            self.has_logprobs = True
            self.logprobs.add(choice["logprobs"])

    def value(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "message": {"role": "assistant", "content": None} | self.message.value(),
            "logprobs": self.logprobs.value() if self.has_logprobs else None,
            "finish_reason": self.finish_reason,
        }


@dataclass(slots=True)
class Assembler:
    """Takes chunks; gives what was said so far, also when the stream breaks."""

    _head: dict[str, Any] = field(default_factory=dict)
    _choices: dict[int, _Choice] = field(default_factory=dict)
    usage: Usage | None = None
    usage_problem: str = ""
    contested: Contested | None = None
    provider_request_id: str = ""

    def add(self, chunk: Chunk) -> None:
        self._head = self._head or {
            name: value for name, value in chunk.raw.items() if name not in _NOT_HEAD
        }
        if chunk.raw.get("service_tier"):  # the last word holds: by it the call is billed
            self._head["service_tier"] = chunk.raw["service_tier"]
        self._count(chunk)
        self.provider_request_id = chunk.provider_request_id or self.provider_request_id
        for choice in chunk.raw.get("choices") or ():
            self._choices.setdefault(int(choice.get("index") or 0), _Choice()).add(choice)

    def _count(self, chunk: Chunk) -> None:
        """Usage that was contested once is never more than contested."""
        self.contested = self.contested or chunk.contested
        self.usage = None if self.contested else chunk.usage or self.usage
        self.usage_problem = chunk.usage_problem or self.usage_problem

    @property
    def size(self) -> int:
        """Bytes of all that was said so far: a bound on its tokens."""
        messages = (choice.message.value() for choice in self._choices.values())
        return sum(len(str(message).encode()) for message in messages)

    def answer(self, *, first_token_ms: int | None) -> Answer:
        choices = [self._choices[index].value(index) for index in sorted(self._choices)]
        body: dict[str, Any] = {**self._head, "object": "chat.completion", "choices": choices}
        if self.usage is not None:
            body["usage"] = self.usage.raw
        body = storable_json(body, limit=MAX_TEXT)
        text = str(choices[0]["message"].get("content") or "") if choices else ""
        return Answer(
            body=body,
            text=storable_text(text, MAX_TEXT),
            finish_reason=(choices[0]["finish_reason"] or "") if choices else "",
            usage=self.usage,
            usage_problem=self.usage_problem,
            provider_request_id=self.provider_request_id,
            contested=self.contested,
            first_token_ms=first_token_ms,
        )


def says_something(chunk: Mapping[str, Any]) -> bool:
    """Whether a chunk holds more than the role: text, a tool call, an end."""
    return any(
        choice.get("finish_reason") is not None
        or any(value for name, value in (choice.get("delta") or {}).items() if name != "role")
        for choice in chunk.get("choices") or ()
    )
