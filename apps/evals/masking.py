"""Sensitive values of a past call, replaced before they become a case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.prompts.types import Variable

SHORTEST = 3  # characters: replacing shorter values would tear an answer to pieces


@dataclass(frozen=True, slots=True)
class Masked:
    variables: Mapping[str, Any]
    answer: str
    changed: bool


def mask(values: Mapping[str, Any], answer: str, variables: Mapping[str, Variable]) -> Masked:
    """Values of variables that are personal or secret become their sample, or a placeholder; where
    the answer repeats one, it is replaced there too. Values that no variable declares are left out.
    """
    known = {name: value for name, value in values.items() if name in variables}
    sensitive = [name for name in known if variables[name].sensitivity != "none"]
    replaced = {name: _stand_in(variables[name]) for name in sensitive}
    for text, instead in _texts(known, replaced):
        answer = answer.replace(text, instead)
    return Masked({**known, **replaced}, answer, bool(sensitive))


def _stand_in(variable: Variable) -> Any:
    if variable.sample is not None:
        return variable.sample
    empty: dict[str, Any] = {"number": 0, "integer": 0, "boolean": False, "object": {}}
    if variable.type in ("list", "messages"):
        return []
    text = f"[{variable.name}]"
    return empty.get(variable.type, text[: variable.max_length or None])


def _texts(known: Mapping[str, Any], replaced: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every text inside a sensitive value with what stands for it, longest first."""
    found = [
        (text, instead if isinstance(instead, str) else f"[{name}]")
        for name, instead in replaced.items()
        for text in _leaves(known[name])
        if len(text) >= SHORTEST
    ]
    return sorted(found, key=lambda pair: -len(pair[0]))


def _leaves(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _leaves(item)]
    if isinstance(value, list):
        return [text for item in value for text in _leaves(item)]
    if isinstance(value, bool) or value is None:
        return []
    return [str(value)]
