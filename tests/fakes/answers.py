"""What the fake upstream says when nothing is wrong: the same answer to the same request, always.

A token is a word between white space. `prompt_tokens` counts the words of all messages,
`completion_tokens` the words of the answers, so a test can compute the exact cost by hand.
"""

import base64
import hashlib
import json
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
    text = content if content is not None else _own_words(body)
    words = text.split()
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and len(words) > limit:
        return " ".join(words[:limit]), "length"
    return text, "stop"


def _own_words(body: dict[str, Any]) -> str:
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return json.dumps(instance_of(form["json_schema"].get("schema") or {}))
    if form.get("type") == "json_object":
        return json.dumps({"said": text_of(body["messages"][-1])})
    return "You said: " + text_of(body["messages"][-1])


def instance_of(schema: dict[str, Any]) -> Any:
    """The simplest value that keeps to a schema of plain types."""
    match schema.get("type"):
        case "object":
            return {name: instance_of(part) for name, part in schema["properties"].items()}
        case "array":
            return [instance_of(schema["items"])]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return (schema.get("enum") or ["text"])[0]


def tool_calls(body: dict[str, Any]) -> dict[str, Any] | None:
    """A message that calls the tool which must be called, if one must."""
    choice, tools = body.get("tool_choice"), body.get("tools") or []
    if isinstance(choice, dict):
        tools = [tool for tool in tools if tool["function"]["name"] == choice["function"]["name"]]
    elif choice != "required":
        return None
    calls = [
        {
            "id": f"call_{index}",
            "type": "function",
            "function": {
                "name": tool["function"]["name"],
                "arguments": json.dumps(instance_of(tool["function"].get("parameters") or {})),
            },
        }
        for index, tool in enumerate(tools)
    ]
    if body.get("parallel_tool_calls") is False:
        calls = calls[:1]
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}


def logprobs(body: dict[str, Any], pieces: list[str]) -> dict[str, Any] | None:
    if not body.get("logprobs"):
        return None
    return {"content": [_logprob(body, piece) for piece in pieces], "refusal": None}


def _logprob(body: dict[str, Any], piece: str) -> dict[str, Any]:
    known = {"token": piece, "logprob": -len(piece) / 8, "bytes": list(piece.encode())}
    return {**known, "top_logprobs": [known] * (body.get("top_logprobs") or 0)}


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
        "system_fingerprint": "fp_fake",
        "choices": [
            {
                "index": index,
                "message": message,
                "finish_reason": finish,
                "logprobs": logprobs(body, _pieces(message.get("content") or "")),
            }
            for index in range(body.get("n") or 1)
        ],
    }


def events(
    body: dict[str, Any], *, number: int, message: dict[str, Any], finish: str | None
) -> Iterator[dict[str, Any]]:
    """The stream of an answer: the role, a chunk for each word, the finish reason."""
    for index in range(body.get("n") or 1):
        for delta in _deltas(message):
            pieces = [delta["content"]] if delta.get("content") else []
            said = _choice(index, delta, None) | {"logprobs": logprobs(body, pieces)}
            yield chunk(body, number=number, choices=[said])
        yield chunk(body, number=number, choices=[_choice(index, {}, finish)])


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    calls = message.get("tool_calls") or []
    head = {key: message[key] for key in message if key not in ("content", "tool_calls")}
    yield {**head, "content": None if calls else ""}
    for piece in _pieces(message.get("content") or ""):
        yield {"content": piece}
    for index, call in enumerate(calls):
        function = call["function"]
        start = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
        yield {"tool_calls": [start]}
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def chunk(body: dict[str, Any], *, number: int, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": body["model"],
        "system_fingerprint": "fp_fake",
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


def _choice(index: int, delta: dict[str, Any], finish: str | None) -> dict[str, Any]:
    return {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}


def _pieces(text: str) -> list[str]:
    words = text.split(" ") if text else []
    return [word if index == 0 else " " + word for index, word in enumerate(words)]


def _base64(numbers: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
