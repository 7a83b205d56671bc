"""What differs between two versions, line by line, in bounded time.

`difflib` can take minutes on texts with nothing in common, so it only ever sees a bounded middle:
equal lines at both ends are set aside first, and what is left too long is shown as replaced.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Literal

import orjson

from apps.prompts.validation import Content

COMPARED = 800  # lines of either side that are aligned; 0.3 s at worst
SHOWN = 1_000  # lines of one section; more helps nobody
CONTEXT = 3

Kind = Literal["same", "old", "new", "gap"]


@dataclass(frozen=True, slots=True)
class Line:
    kind: Kind
    text: str
    old: int | None = None
    new: int | None = None


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    lines: tuple[Line, ...]
    is_cut: bool


def compare(old: Content, new: Content) -> tuple[Section, ...]:
    """The sections that differ."""
    before, after = _texts(old), _texts(new)
    return tuple(
        _section(title, before[title], after[title])
        for title in before
        if before[title] != after[title]
    )


def line_diff(old: list[str], new: list[str]) -> Iterator[Line]:
    """Every line of both sides, in reading order."""
    head = len(list(takewhile(_equal, zip(old, new, strict=False))))
    rest = min(len(old), len(new)) - head
    tail = len(list(takewhile(_equal, zip(old[::-1][:rest], new[::-1][:rest], strict=False))))
    ends = len(old) - tail, len(new) - tail
    yield from _same(old, range(head), 0)
    for tag, i, j, k, m in _opcodes(old[head : ends[0]], new[head : ends[1]]):
        if tag == "equal":
            yield from _same(old, range(head + i, head + j), k - i)
        else:
            for index in range(head + i, head + j):
                yield Line("old", old[index], old=index + 1)
            for index in range(head + k, head + m):
                yield Line("new", new[index], new=index + 1)
    yield from _same(old, range(ends[0], len(old)), ends[1] - ends[0])


def _equal(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def _same(old: list[str], indices: range, shift: int) -> Iterator[Line]:
    for index in indices:
        yield Line("same", old[index], old=index + 1, new=index + shift + 1)


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    if max(len(old), len(new)) > COMPARED:
        return [("replace", 0, len(old), 0, len(new))]
    return list(SequenceMatcher(None, old, new).get_opcodes())


def _section(title: str, old: str, new: str) -> Section:
    lines = tuple(_with_gaps(list(line_diff(old.split("\n"), new.split("\n")))))
    return Section(title, lines[:SHOWN], is_cut=len(lines) > SHOWN)


def _with_gaps(lines: list[Line]) -> Iterator[Line]:
    """Only lines near a change; each left-out stretch becomes one line that counts it."""
    near = bytearray(len(lines))
    for index, line in enumerate(lines):
        if line.kind != "same":
            start, end = max(0, index - CONTEXT), min(len(lines), index + CONTEXT + 1)
            near[start:end] = b"\x01" * (end - start)
    hidden = 0
    for line, is_near in zip(lines, near, strict=True):
        if is_near and hidden:
            yield Line("gap", f"{hidden} equal lines")
            hidden = 0
        if is_near:
            yield line
        else:
            hidden += 1
    if hidden:
        yield Line("gap", f"{hidden} equal lines")


def _texts(content: Content) -> dict[str, str]:
    settings = {"model": content.model, "parameters": content.parameters}
    return {
        "Messages": "\n".join(map(_message_text, content.messages)),
        "Variables": _json(content.variables),
        "Model and parameters": _json(settings),
        "Response schema": _json(content.response_schema),
        "When it is too long": _json(content.fit),
    }


def _message_text(message: object) -> str:
    if isinstance(message, dict) and "placeholder" in message:
        return f"— placeholder: {message['placeholder']} —"
    if isinstance(message, dict):
        return f"— {message.get('role')} —\n{message.get('content')}"
    return str(message)


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
