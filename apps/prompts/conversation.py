"""Messages that a placeholder inserts: what users, the model and tools said before.

What a model answered may come back word by word, with its calls of tools.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from apps.core.faults import Fault
from apps.prompts.pointers import pointer

ROLES = ("user", "assistant", "tool")  # a system message is the author's alone
KEYS = frozenset({"role", "content", "name", "tool_call_id"})


def messages_faults(messages: list[Any], at: str) -> Iterator[Fault]:
    """Every fault of a value of the type messages, which stands at `at`."""
    for index, message in enumerate(messages):
        here = f"{at}/{index}"
        if not isinstance(message, dict):
            yield Fault(here, "Must be an object with role and content.", "wrong_type")
            continue
        if message.get("role") not in ROLES:
            yield Fault(f"{here}/role", f"Must be one of {', '.join(ROLES)}.", "bad_role")
        if not isinstance(message.get("content"), str) and not _calls(message):
            yield Fault(f"{here}/content", "Must be a string.", "wrong_type")
        yield from _field_faults(message, here)


def said(message: Mapping[str, Any]) -> str:
    """What a message says, for those who read it: its text, then the calls of tools in it."""
    calls = message.get("tool_calls")
    shown = json.dumps(calls, ensure_ascii=False, indent=2) if calls else ""
    return "\n\n".join(filter(None, (message.get("content"), shown)))


def _calls(message: Mapping[str, Any]) -> bool:
    """Whether it needs no text: the model asked for tools instead."""
    asks = message.get("role") == "assistant" and bool(message.get("tool_calls"))
    return asks and message.get("content") is None


def _field_faults(message: Mapping[str, Any], at: str) -> Iterator[Fault]:
    answered = ANSWERED if message.get("role") == "assistant" else {}
    for key, value in message.items():
        if key in answered:
            if not answered[key](value):
                yield Fault(at + pointer(key), _SAID.get(key, "Has another form."), "wrong_type")
        elif key not in KEYS:
            known = ", ".join(sorted({*KEYS, *answered}))
            yield Fault(at + pointer(key), f"Unknown field. Known: {known}.", "unknown_field")
        elif key not in ("role", "content") and not isinstance(value, str):
            yield Fault(at + pointer(key), "Must be a string.", "wrong_type")


def _is_text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_list_or_null(value: Any) -> bool:
    return value is None or isinstance(value, list)


def _is_null(value: Any) -> bool:
    return value is None


def _are_calls(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_call, value)))


def _is_call(call: Any) -> bool:
    """Of a function, as OpenAI's API gives it."""
    if not isinstance(call, dict) or not {"id", "type", "function"} <= set(call):
        return False
    function = call["function"]
    return (
        set(call) <= {"id", "type", "function", "index"}
        and isinstance(call["id"], str)
        and call["type"] == "function"
        and isinstance(function, dict)
        and set(function) == {"name", "arguments"}
        and all(isinstance(text, str) for text in function.values())
    )


ANSWERED: Mapping[str, Callable[[Any], bool]] = {
    "tool_calls": _are_calls,
    "refusal": _is_text_or_null,
    "reasoning_content": _is_text_or_null,
    "annotations": _is_list_or_null,
    "audio": _is_null,
    "function_call": _is_null,
}
"""What a model's message has beside a text."""
_SAID = {
    "tool_calls": "Must be a list of {id, type: “function”, function: {name, arguments}}, the "
    "arguments a string.",
}
