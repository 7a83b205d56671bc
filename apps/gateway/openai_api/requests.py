"""From an OpenAI request body to a `CallSpec`: OpenAI's fields, and ours beside them."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from itertools import islice
from typing import Any

from apps.core.faults import Fault
from apps.gateway.openai_api.errors import ApiError
from apps.gateway.openai_api.forms import StreamOptions
from apps.gateway.parameters import MOST_UNKNOWN
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
    "region": (str, "a region, such as eu"),
    "cache": (str, f"one of {', '.join(CacheMode)}"),
    "stream": (bool, "true or false"),
    "stream_options": (dict, "an object"),
    "input": ((str, list), "a text, a list of texts or lists of token ids"),
}
_CHAT = _OURS.keys() - {"input"}
_EMBEDDING = {"model", "input", "context", "metadata", "region", "cache"}


def chat_spec(body: Any) -> tuple[CallSpec, StreamOptions | None]:
    """The call, and how to stream it, None when it shall come whole.

    Raises `ApiError` (400) with every fault of the shape.
    """
    body = _object(body)
    faults = _faults(body, _CHAT)
    faults += _option_faults(body.get("stream_options"), streams=body.get("stream") is True)
    if faults:
        raise invalid(faults)
    spec = _spec(body, CallKind.CHAT, _CHAT)
    return spec, StreamOptions(**body.get("stream_options", {})) if body.get("stream") else None


def embedding_spec(body: Any) -> CallSpec:
    """Raises `ApiError` (400) with every fault of the shape."""
    body = _object(body)
    if faults := _faults(body, _EMBEDDING, required=("model", "input")):
        raise invalid(faults)
    return _spec(body, CallKind.EMBEDDING, _EMBEDDING)


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise invalid([Fault("", "The body must be a JSON object.")])
    return {name: value for name, value in body.items() if value is not None}


def _option_faults(options: Any, *, streams: bool) -> list[Fault]:
    if not isinstance(options, dict):
        return []
    names = {field.name for field in fields(StreamOptions)}
    detail = f"Known are {', '.join(sorted(names))}: true or false."
    wrong = (
        Fault(f"/stream_options/{name}", detail)
        for name, value in options.items()
        if name not in names or not isinstance(value, bool)
    )
    faults = [*islice(wrong, MOST_UNKNOWN)]
    if not streams:
        faults.append(Fault("/stream_options", "Only with stream: true."))
    return faults


def _faults(
    body: Mapping[str, Any], ours: Collection[str], required: Collection[str] = ()
) -> list[Fault]:
    """Faults of what stands beside OpenAI's parameters. Those are judged with all others, where
    the deployments that could answer are known."""
    faults = [Fault(f"/{name}", "Required.", "required") for name in required if name not in body]
    for name, value in body.items():
        if name in ours and not _is(value, _OURS[name][0]):
            faults.append(Fault(f"/{name}", f"Must be {_OURS[name][1]}."))
    if body.get("cache") not in {None, *CacheMode} and isinstance(body.get("cache"), str):
        faults.append(Fault("/cache", f"Must be {_OURS['cache'][1]}."))
    if not all(isinstance(tag, str) and 0 < len(tag) <= 100 for tag in _list(body, "context")):
        faults.append(Fault("/context", "Each tag must be a text of 1 to 100 characters."))
    if not all(isinstance(message, dict) for message in _list(body, "messages")):
        faults.append(Fault("/messages", "Each message must be an object."))
    return faults


def _is(value: Any, kind: type | tuple[type, ...]) -> bool:
    return isinstance(value, kind) and not (isinstance(value, bool) and kind is int)


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name, [])
    return value if isinstance(value, list) else []


def _spec(body: Mapping[str, Any], kind: CallKind, ours: Collection[str]) -> CallSpec:
    return CallSpec(
        kind=kind,
        model=body.get("model", ""),
        messages=tuple(body.get("messages", ())),
        prompt=body.get("prompt", ""),
        variables=body.get("variables", {}),
        channel=body.get("channel", "production"),
        version=body.get("version"),
        inputs=_inputs(body.get("input")),
        parameters={name: value for name, value in body.items() if name not in ours},
        subject=body.get("subject", ""),
        context=tuple(body.get("context", ())),
        metadata=body.get("metadata", {}),
        region=body.get("region", ""),
        cache=CacheMode(body.get("cache", CacheMode.USE)),
    )


def _inputs(value: Any) -> tuple[Any, ...]:
    """OpenAI takes one text, many texts, one list of token ids, or many of them."""
    if isinstance(value, list):
        return (value,) if value and isinstance(value[0], int) else tuple(value)
    return () if value is None else (value,)


def invalid(faults: list[Fault]) -> ApiError:
    first = faults[0]
    return ApiError(
        400,
        "; ".join(map(str, faults)),
        code=first.code if first.code != "invalid" else "invalid_request",
        param=first.pointer.strip("/") or None,
        details={
            "errors": [{"pointer": f.pointer, "detail": f.detail, "code": f.code} for f in faults]
        },
    )
