"""From a request to `/v1/responses`, in its stateless form, to the chat that asks the same.

Only what has an exact counterpart there: text, images and functions in, text and function calls
out. All that needs kept state, a tool of the provider's or events of its own is refused by name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from apps.core.faults import Fault
from apps.gateway.openai_api.requests import invalid

_SAME = {
    *("model", "temperature", "top_p", "parallel_tool_calls", "user", "safety_identifier"),
    *("prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "service_tier"),
    *("metadata", "context", "cache", "subject"),
}
# Accepted only with the value that means: as it is here.
_ONLY: dict[str, Any] = {
    "store": False,
    "background": False,
    "truncation": "disabled",
    "include": [],
}
_REASONS = {"store": "Nothing is kept here."}
_PARTS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "input_text": lambda part: {"type": "text", "text": part["text"]},
    "output_text": lambda part: {"type": "text", "text": part["text"]},
    "refusal": lambda part: {"type": "refusal", "refusal": part["refusal"]},
    "input_image": lambda part: {
        "type": "image_url",
        "image_url": {"url": part["image_url"], "detail": part.get("detail") or "auto"},
    },
}


def chat_body(body: Any) -> dict[str, Any]:
    """The chat that asks the same. Raises `ApiError` (400) with every part that has none."""
    if not isinstance(body, dict):
        raise invalid([Fault("", "The body must be a JSON object.")])
    given = {name: value for name, value in body.items() if value is not None}
    faults = [fault for name, value in given.items() if (fault := _fault(name, value))]
    if "input" not in given:
        faults.append(Fault("/input", "Required.", "required"))
    chat = {name: given[name] for name in _SAME & given.keys()}
    for name, translate in _TRANSLATED.items():
        if name in given:
            try:
                chat |= translate(given[name])
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                faults.append(Fault(f"/{name}", f"Has no exact counterpart in a chat: {error}."))
    if faults:
        raise invalid(faults)
    chat["messages"] = [*chat.pop("instructions", ()), *chat["messages"]]
    return chat


def _fault(name: str, value: Any) -> Fault | None:
    if name in _SAME or name in _TRANSLATED or (name == "stream" and isinstance(value, bool)):
        return None
    if name not in _ONLY:
        return Fault(f"/{name[:100]}", "Not supported: it has no counterpart in a chat.")
    if value == _ONLY[name]:
        return None
    reason = _REASONS.get(name, "It has no counterpart in a chat.")
    return Fault(f"/{name}", f"Only {str(_ONLY[name]).lower()} is supported. {reason}")


def _messages(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"messages": [{"role": "user", "content": value}]}
    messages: list[dict[str, Any]] = []
    for item in value:
        match item.get("type", "message"):
            case "message":
                messages.append(_message(item))
            case "function_call":
                _add_call(messages, item)
            case "function_call_output" if isinstance(item["output"], str):
                call, output = item["call_id"], item["output"]
                messages.append({"role": "tool", "tool_call_id": call, "content": output})
            case kind:
                raise ValueError(f"an item of type {str(kind)[:50]}")
    return {"messages": messages}


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    content = item["content"]
    if not isinstance(content, str):
        content = [_PARTS[part["type"]](part) for part in content]
    return {"role": item["role"], "content": content}


def _add_call(messages: list[dict[str, Any]], item: Mapping[str, Any]) -> None:
    """Calls of one turn stand in one assistant message, beside what it said."""
    if not messages or messages[-1]["role"] != "assistant":
        messages.append({"role": "assistant", "content": None})
    function = {"name": item["name"], "arguments": item["arguments"]}
    call = {"id": item["call_id"], "type": "function", "function": function}
    messages[-1].setdefault("tool_calls", []).append(call)


def _exactly(value: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """`value`, when it holds no other fields than these."""
    if unknown := sorted(value.keys() - set(names)):
        raise ValueError(f"unknown fields {', '.join(unknown)[:200]}")
    return value


def _tools(value: Any) -> dict[str, Any]:
    tools = []
    for tool in value:
        if tool["type"] != "function":
            raise ValueError(f"a tool of type {str(tool['type'])[:50]}")
        _exactly(tool, "type", "name", "description", "parameters", "strict")
        if "strict" not in tool:
            raise ValueError("say strict for each function, its default is another one there")
        function = {n: v for n, v in tool.items() if n != "type" and v is not None}
        tools.append({"type": "function", "function": function})
    return {"tools": tools}


def _tool_choice(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"tool_choice": value}
    if _exactly(value, "type", "name")["type"] != "function":
        raise ValueError(f"a choice of type {str(value['type'])[:50]}")
    return {"tool_choice": {"type": "function", "function": {"name": value["name"]}}}


def _text(value: Any) -> dict[str, Any]:
    chat: dict[str, Any] = {}
    _exactly(value, "format", "verbosity")
    if value.get("verbosity") is not None:
        chat["verbosity"] = value["verbosity"]
    form = value.get("format")
    if form is not None and form["type"] == "json_schema":
        schema = {n: v for n, v in form.items() if n != "type" and v is not None}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form is not None:
        chat["response_format"] = form
    return chat


_TRANSLATED: dict[str, Callable[[Any], dict[str, Any]]] = {
    "input": _messages,
    "instructions": lambda text: {"instructions": [{"role": "system", "content": text}]},
    "max_output_tokens": lambda cap: {"max_completion_tokens": cap},
    "reasoning": lambda value: {"reasoning_effort": _exactly(value, "effort")["effort"]},
    "text": _text,
    "tools": _tools,
    "tool_choice": _tool_choice,
}
