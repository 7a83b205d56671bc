"""From an OpenAI request body to a `CallSpec`: OpenAI's fields, and ours beside them."""

from collections.abc import Mapping
from typing import Any

from apps.core.problems import Fault
from apps.gateway.openai_api.errors import ApiError
from apps.gateway.parameters import CHAT_NAMES, EMBEDDING_NAMES
from apps.gateway.types import CacheMode, CallKind, CallSpec

# Name → what it must be, and how we say it.
_OURS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "model": (str, "a string"),
    "messages": (list, "a list of messages"),
    "prompt": (str, "a prompt's slug"),
    "variables": (dict, "an object"),
    "channel": (str, "a channel's slug"),
    "version": (int, "a version number"),
    "subject": (str, "a string"),
    "context": (list, "a list of tags"),
    "metadata": (dict, "an object"),
    "cache": (str, f"one of {', '.join(CacheMode)}"),
    "stream": (bool, "true or false"),
    "stream_options": (dict, "an object"),
    "input": ((str, list), "a text, a list of texts or lists of token ids"),
}
_CHAT = CHAT_NAMES | set(_OURS) - {"input"}
_EMBEDDING = EMBEDDING_NAMES | {"model", "input", "context", "metadata", "cache"}


def chat_spec(body: Any) -> tuple[CallSpec, bool, bool]:
    """The call, whether to stream it, and whether the stream ends with a usage chunk.

    Raises `ApiError` (400) with every fault of the shape.
    """
    body = _object(body)
    _check(body, _CHAT)
    spec = _spec(body, CallKind.CHAT, CHAT_NAMES)
    options = body.get("stream_options") or {}
    return spec, bool(body.get("stream")), bool(options.get("include_usage"))


def embedding_spec(body: Any) -> CallSpec:
    """Raises `ApiError` (400) with every fault of the shape."""
    body = _object(body)
    _check(body, _EMBEDDING, required=("model", "input"))
    return _spec(body, CallKind.EMBEDDING, EMBEDDING_NAMES)


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise _invalid([Fault("/", "The body must be a JSON object.")])
    return {name: value for name, value in body.items() if value is not None}


def _check(body: Mapping[str, Any], known: frozenset[str] | set[str], required: Any = ()) -> None:
    faults = [Fault(f"/{name}", "Required.", "required") for name in required if name not in body]
    for name, value in body.items():
        if name not in known:
            text = f"Unknown parameter; known are {', '.join(sorted(known))}."
            faults.append(Fault(f"/{name}", text, "unknown_field"))
        elif name in _OURS and not _is(value, _OURS[name][0]):
            faults.append(Fault(f"/{name}", f"Must be {_OURS[name][1]}."))
    if body.get("cache") not in {None, *CacheMode} and isinstance(body.get("cache"), str):
        faults.append(Fault("/cache", f"Must be {_OURS['cache'][1]}."))
    if not all(isinstance(tag, str) and 0 < len(tag) <= 100 for tag in _list(body, "context")):
        faults.append(Fault("/context", "Each tag must be a text of 1 to 100 characters."))
    if not all(isinstance(message, dict) for message in _list(body, "messages")):
        faults.append(Fault("/messages", "Each message must be an object."))
    if faults:
        raise _invalid(faults)


def _is(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not (isinstance(value, bool) and kind is int)


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name, [])
    return value if isinstance(value, list) else []


def _spec(body: Mapping[str, Any], kind: CallKind, names: frozenset[str]) -> CallSpec:
    return CallSpec(
        kind=kind,
        model=body.get("model", ""),
        messages=tuple(body.get("messages", ())),
        prompt=body.get("prompt", ""),
        variables=body.get("variables", {}),
        channel=body.get("channel", "production"),
        version=body.get("version"),
        inputs=_inputs(body.get("input")),
        parameters={name: body[name] for name in names if name in body},
        subject=body.get("subject", ""),
        context=tuple(body.get("context", ())),
        metadata=body.get("metadata", {}),
        cache=CacheMode(body.get("cache", CacheMode.USE)),
    )


def _inputs(value: Any) -> tuple[Any, ...]:
    """OpenAI takes one text, many texts, one list of token ids, or many of them."""
    if isinstance(value, list):
        return (value,) if value and isinstance(value[0], int) else tuple(value)
    return () if value is None else (value,)


def _invalid(faults: list[Fault]) -> ApiError:
    first = faults[0]
    return ApiError(
        400,
        "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults),
        code=first.code if first.code != "invalid" else "invalid_request",
        param=first.pointer.strip("/") or None,
        details={
            "errors": [{"pointer": f.pointer, "detail": f.detail, "code": f.code} for f in faults]
        },
    )
