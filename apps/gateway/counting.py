"""How many tokens a request has for a model: for refusing early, fitting and quoting.

Never for money: a hold rests on bytes (`bounds`). By OpenAI's published rules (Cookbook, “How to
count tokens with tiktoken”): each message costs three tokens beside its texts, a name one more,
and three begin the answer. An image costs at least 85 (low detail, guide “Images and vision”).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.core import strict_json
from apps.gateway.bounds import text_parameters
from apps.gateway.images import image_urls
from apps.registry.tokens import Counter

A_MESSAGE = 3
A_NAME = 1
THE_ANSWER = 3
AN_IMAGE = 85


@dataclass(frozen=True, slots=True)
class Count:
    """`certain`: no provider counts less, so a window below it refuses; 0 by an estimate.
    `likely`: with tools, schemas and images, which each provider writes out in its own way."""

    certain: int
    likely: int


def count_chat(
    messages: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], counter: Counter
) -> Count:
    texts = sum(message_tokens(message, counter=counter) for message in messages) + THE_ANSWER
    likely = texts + AN_IMAGE * sum(1 for _ in image_urls(messages))
    likely += extra_tokens(parameters, counter=counter)
    return Count(certain=texts if counter.exact else 0, likely=likely)


def extra_tokens(parameters: Mapping[str, Any], *, counter: Counter) -> int:
    """Tools and schemas, as the JSON that they are."""
    extras = text_parameters(parameters)
    return counter.count(strict_json.dumps(extras).decode()) if extras else 0


def count_input(item: Any, counter: Counter) -> Count:
    """One input of an embedding request: a text, or token ids."""
    if not isinstance(item, str):
        return Count(certain=len(item), likely=len(item))
    tokens = counter.count(item)
    return Count(certain=tokens if counter.exact else 0, likely=tokens)


def message_tokens(message: Mapping[str, Any], *, counter: Counter) -> int:
    tokens = sum(counter.count(text) for text in _texts(message))
    return tokens + A_MESSAGE + (A_NAME if message.get("name") else 0)


def _texts(message: Mapping[str, Any]) -> Iterator[str]:
    yield str(message.get("role", ""))
    content = message.get("content")
    for part in content if isinstance(content, list | tuple) else ():
        text = part.get("text") or part.get("refusal")
        if isinstance(text, str):
            yield text
    if isinstance(content, str):
        yield content
    if isinstance(message.get("name"), str):
        yield message["name"]
    for call in message.get("tool_calls") or ():
        function = call.get("function") or {}
        yield str(function.get("name", ""))
        yield str(function.get("arguments", ""))
