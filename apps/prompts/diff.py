"""What differs between two versions, line by line, in bounded time.

What is too different to be compared in that (`edits`) is shown as replaced.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from apps.core import strict_json
from apps.prompts.edits import Work, equal_blocks, gaps
from apps.prompts.validation import Content

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


def compare(old: Content, new: Content, work: Work | None = None) -> tuple[Section, ...]:
    """The sections that differ. Several comparisons of one page share its `work`."""
    before, after, work = _texts(old), _texts(new), work or Work()
    return tuple(
        _section(title, before[title], after[title], work)
        for title in before
        if before[title] != after[title]
    )


def line_diff(old: list[str], new: list[str], work: Work | None = None) -> Iterator[Line]:
    """Every line of both sides, in reading order."""
    blocks = equal_blocks(old, new, work or Work())
    for left, right, same in gaps(blocks, len(old), len(new)):
        yield from (Line("old", old[index], old=index + 1) for index in left)
        yield from (Line("new", new[index], new=index + 1) for index in right)
        for step in range(same.size):
            i, j = same.old + step, same.new + step
            yield Line("same", old[i], old=i + 1, new=j + 1)


def _section(title: str, old: str, new: str, work: Work) -> Section:
    lines = tuple(_with_gaps(list(line_diff(old.split("\n"), new.split("\n"), work))))
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
            yield Line("gap", f"{hidden} equal line{'s' * (hidden != 1)}")
            hidden = 0
        if is_near:
            yield line
        else:
            hidden += 1
    if hidden:
        yield Line("gap", f"{hidden} equal line{'s' * (hidden != 1)}")


def _texts(content: Content) -> dict[str, str]:
    settings = {"model": content.model, "parameters": content.parameters}
    return {
        "Messages": "\n".join(map(_message_text, _list(content.messages))),
        "Variables": _json(content.variables),
        "Model and parameters": _json(settings),
        "Response schema": _json(content.response_schema),
        "Tools": _json(content.tools),
        "When it is too long": _json(content.fit),
    }


def _list(messages: object) -> list[object]:
    """A draft's may be anything."""
    return messages if isinstance(messages, list) else [messages]


def _message_text(message: object) -> str:
    if isinstance(message, dict) and "placeholder" in message:
        return f"— placeholder: {message['placeholder']} —"
    if isinstance(message, dict):
        return f"— {message.get('role')} —\n{message.get('content')}"
    return str(message)


def _json(value: object) -> str:
    return strict_json.pretty(value)
