"""The events of a streamed answer to `/v1/responses`, made from a chat's chunks.

Each item is announced, grows by deltas and is closed; the last event holds the whole response.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from apps.core import strict_json
from apps.gateway.openai_api.errors import ApiError
from apps.gateway.openai_api.response_object import answer_of, blank
from apps.gateway.types import CallOutcome

Events = Iterator[tuple[str, dict[str, Any]]]
# What a chat calls it → the part's type, its field, and the name of its events.
_PARTS = {
    "content": ("output_text", "text", "response.output_text"),
    "refusal": ("refusal", "refusal", "response.refusal"),
}


class ResponseForm:
    """One stream. An item's place is the order in which it began."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._asked = asked
        self._number = 0
        self._places: dict[object, int] = {}  # "message", or a tool call's index
        self._calls: dict[int, str] = {}  # a tool call's index → its item's id
        self._parts: list[str] = []  # of the message, in the order in which they began

    def chunk(self, chunk: Mapping[str, Any]) -> bytes:
        return b"".join(self._write(*event) for event in self._events_of(chunk))

    def end(self, outcome: CallOutcome) -> bytes:
        response = answer_of(outcome, self._asked)
        events = list(self._closing(response))
        events.append((f"response.{response['status']}", {"response": response}))
        return b"".join(self._write(*event) for event in events)

    def error(self, error: ApiError) -> bytes:
        said = {name: error.body["error"].get(name) for name in ("code", "message", "param")}
        return self._write("error", said)

    def _events_of(self, chunk: Mapping[str, Any]) -> Events:
        if self._number == 0:
            yield "response.created", {"response": blank(chunk, self._asked)}
            yield "response.in_progress", {"response": blank(chunk, self._asked)}
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            for name in _PARTS:
                if delta.get(name):
                    yield from self._said(name, delta[name], chunk)
            for call in delta.get("tool_calls") or ():
                yield from self._called(call)

    def _said(self, name: str, text: str, chunk: Mapping[str, Any]) -> Events:
        kind, field, event = _PARTS[name]
        item = {"id": f"msg_{chunk.get('id')}", "type": "message", "role": "assistant"}
        if "message" not in self._places:
            yield self._begun("message", {**item, "status": "in_progress", "content": []})
        at = {"item_id": item["id"], "output_index": self._places["message"]}
        if name not in self._parts:
            self._parts.append(name)
            part = {"type": kind, field: ""} | _extras(kind)
            at["content_index"] = self._parts.index(name)
            yield "response.content_part.added", {**at, "part": part}
        at["content_index"] = self._parts.index(name)
        yield f"{event}.delta", {**at, "delta": text} | _logprobs(kind)

    def _called(self, call: Mapping[str, Any]) -> Events:
        index, function = int(call.get("index") or 0), call.get("function") or {}
        if index not in self._places:
            self._calls[index] = f"fc_{call.get('id')}"
            item = {"id": self._calls[index], "type": "function_call", "arguments": ""}
            item |= {"call_id": str(call.get("id")), "name": str(function.get("name"))}
            yield self._begun(index, {**item, "status": "in_progress"})
        if function.get("arguments"):
            at = {"item_id": self._calls[index], "output_index": self._places[index]}
            delta = {**at, "delta": function["arguments"]}
            yield "response.function_call_arguments.delta", delta

    def _begun(self, key: object, item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        self._places[key] = len(self._places)
        place = {"output_index": self._places[key], "item": item}
        return "response.output_item.added", place

    def _closing(self, response: dict[str, Any]) -> Events:
        calls = iter(sorted(self._calls))
        keyed = [
            ("message" if item["type"] == "message" else next(calls), item)
            for item in response["output"]
        ]
        keyed.sort(key=lambda pair: self._places[pair[0]])
        response["output"] = [item for _, item in keyed]
        for place, item in enumerate(response["output"]):
            at = {"item_id": item["id"], "output_index": place}
            yield from _closed_call(at, item) if "call_id" in item else _closed_parts(at, item)
            yield "response.output_item.done", {"output_index": place, "item": item}

    def _write(self, kind: str, fields: Mapping[str, Any]) -> bytes:
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), strict_json.dumps(data))


def _closed_call(at: Mapping[str, Any], item: Mapping[str, Any]) -> Events:
    said = {"arguments": item["arguments"], "name": item["name"]}
    yield "response.function_call_arguments.done", {**at, **said}


def _closed_parts(at: Mapping[str, Any], item: Mapping[str, Any]) -> Events:
    for index, part in enumerate(item["content"]):
        place = {**at, "content_index": index}
        kind, field, event = next(known for known in _PARTS.values() if known[0] == part["type"])
        yield f"{event}.done", {**place, field: part[field]} | _logprobs(kind)
        yield "response.content_part.done", {**place, "part": part}


def _extras(kind: str) -> dict[str, Any]:
    return {"annotations": []} if kind == "output_text" else {}


def _logprobs(kind: str) -> dict[str, Any]:
    return {"logprobs": []} if kind == "output_text" else {}
