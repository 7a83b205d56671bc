"""What the fake upstream says when nothing is wrong: the same answer to the same request, always.

A token is a word between white space. `prompt_tokens` counts the words of all messages,
`completion_tokens` the words of the answers, so a test can compute the exact cost by hand.
"""

import base64
import hashlib
import math
import struct
from collections.abc import Iterator
from typing import Any

CREATED = 1_700_000_000
DIMENSIONS = 8


def count_words(messages: list[dict[str, Any]]) -> int:
    return sum(len(text_of(message).split()) for message in messages)


def text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return content or ""


def reply(body: dict[str, Any], content: str | None) -> tuple[str, str | None]:
    """Text and finish reason: `content`, or an echo of the last message, cut at the token limit."""
    text = content if content is not None else "You said: " + text_of(body["messages"][-1])
    words = text.split()
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and len(words) > limit:
        return " ".join(words[:limit]), "length"
    return text, "stop"


def usage_of(body: dict[str, Any], text: str) -> dict[str, Any]:
    prompt = count_words(body["messages"])
    completion = len(text.split()) * (body.get("n") or 1)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def completion(
    body: dict[str, Any], *, number: int, message: dict[str, Any], finish: str | None
) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "choices": [
            {"index": index, "message": message, "finish_reason": finish, "logprobs": None}
            for index in range(body.get("n") or 1)
        ],
    }


def events(
    body: dict[str, Any], *, number: int, message: dict[str, Any], finish: str | None
) -> Iterator[dict[str, Any]]:
    """The stream of an answer: the role, a chunk for each word, the finish reason."""
    text = message.get("content") or ""
    deltas: list[dict[str, Any]] = [{key: message[key] for key in message if key != "content"}]
    deltas[0]["content"] = ""
    deltas += [{"content": piece} for piece in _pieces(text)]
    for delta in deltas:
        yield chunk(body, number=number, choices=[_choice(delta, None)])
    yield chunk(body, number=number, choices=[_choice({}, finish)])


def chunk(body: dict[str, Any], *, number: int, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body["model"],
        "choices": choices,
    }


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    inputs = body["input"] if isinstance(body["input"], list) else [body["input"]]
    if inputs and isinstance(inputs[0], int):
        inputs = [inputs]
    encode = _base64 if body.get("encoding_format") == "base64" else list
    size = body.get("dimensions") or DIMENSIONS
    tokens = sum(len(text.split()) if isinstance(text, str) else len(text) for text in inputs)
    return {
        "object": "list",
        "model": body["model"],
        "data": [
            {"object": "embedding", "index": index, "embedding": encode(vector(text, size))}
            for index, text in enumerate(inputs)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def vector(text: object, size: int) -> list[float]:
    """A unit vector that depends on nothing but the text."""
    seed = hashlib.shake_256(repr(text).encode()).digest(2 * size)
    numbers = [value - 32767.5 for value in struct.unpack(f"<{size}H", seed)]
    length = math.sqrt(sum(value * value for value in numbers))
    return [value / length for value in numbers]


def models(names: list[str]) -> dict[str, Any]:
    return {
        "object": "list",
        "data": [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "fake"}
            for name in names
        ],
    }


def _choice(delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}


def _pieces(text: str) -> list[str]:
    words = text.split(" ")
    return [word if index == 0 else " " + word for index, word in enumerate(words)]


def _base64(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
