"""A case as a value, and whether it fits the variables that its prompt declares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.core import strict_json
from apps.core.faults import Fault
from apps.prompts.pointers import pointer
from apps.prompts.types import Variable
from apps.prompts.variables import value_faults

MAX_CASES = 5_000  # of one dataset version
CASE_BYTES = 64 * 1024
TAGS = 20
KEY = 60  # characters


@dataclass(frozen=True, slots=True)
class CaseDraft:
    """`key` empty: the next free number."""

    variables: Mapping[str, Any]
    expected: Any = None
    key: str = ""
    tags: tuple[str, ...] = ()
    must_pass: bool = False
    source_job_id: Any = None
    masked: bool = False
    extra: tuple[str, ...] = field(default=())
    """Names that the file has and nobody knows."""


def case_faults(case: CaseDraft, variables: Mapping[str, Variable]) -> Iterator[Fault]:
    """Every fault, with the field that it is in."""
    for name in case.extra:
        yield Fault(pointer(name), f"Unknown. Variables: {_names(variables)}.", "unknown_field")
    if len(case.key) > KEY:
        yield Fault("/key", f"Has {len(case.key)} characters; at most {KEY} are allowed.", "long")
    if len(case.tags) > TAGS:
        yield Fault("/tags", f"Has {len(case.tags)}; at most {TAGS} are allowed.", "too_many")
    size = len(strict_json.dumps([case.variables, case.expected]))
    if size > CASE_BYTES:
        yield Fault("", f"Has {size:,} bytes; at most {CASE_BYTES:,} are allowed.", "too_long")
    yield from _variable_faults(case.variables, variables)


def _variable_faults(
    given: Mapping[str, Any], variables: Mapping[str, Variable]
) -> Iterator[Fault]:
    for name, value in given.items():
        if name not in variables:
            detail = f"The prompt has no such variable. It has: {_names(variables)}."
            yield Fault(pointer("variables", name), detail, "unknown_variable")
        elif value is not None:
            yield from value_faults(variables[name], value, pointer("variables", name))
    for name, variable in variables.items():
        if variable.required and given.get(name) is None:
            yield Fault(pointer("variables", name), "Missing: the prompt needs it.", "missing")


def _names(variables: Mapping[str, Variable]) -> str:
    return ", ".join(sorted(variables)) or "none"
