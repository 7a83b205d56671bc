"""Where in a file (`textfile`) each part of its document stands."""

import re
from collections.abc import Iterator, Mapping

import yaml

from apps.core.faults import Fault
from apps.prompts import textfile
from apps.prompts.pointers import pointer

_LONGEST = 500  # characters of a pointer; a long name above 100,000 items would be gigabytes
_SAYS_LINE = re.compile(r"\A[Ll]ine (\d+): ")


def lines_of(data: bytes) -> Mapping[str, int]:
    """JSON pointer → line, of a file that `textfile.read_any` reads."""
    text = textfile.decoded(data)
    if not text.startswith(textfile.DASHES):
        return dict(_fields(text, 1))
    head, body, first = textfile.parted(text)
    heads = (at for at, line in enumerate(body.split("\n"), first) if textfile.HEAD.match(line))
    messages = {f"/messages/{index}": line for index, line in enumerate(heads)}
    return dict(_fields(head, 2)) | messages


def line_of(fault: Fault, lines: Mapping[str, int]) -> int | None:
    """The line of the file that a fault is about; None: of all of it, or what is missing."""
    at = fault.pointer
    while at and at not in lines:
        at = at.rpartition("/")[0]
    within = _SAYS_LINE.match(fault.detail)
    is_text = fault.pointer.endswith("/content") and at != fault.pointer  # not in YAML or JSON
    if at and within and is_text:
        return lines[at] + int(within[1])
    return lines.get(at)


def said_line(error: ValueError) -> tuple[int | None, str]:
    """The line that a message of `textfile` begins with, and the rest."""
    text = str(error)
    found = _SAYS_LINE.match(text)
    return (int(found[1]), text[found.end() :]) if found else (None, text)


def _fields(text: str, first: int) -> Iterator[tuple[str, int]]:
    """YAML, or JSON that YAML can read."""
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return
    if root is not None:
        yield from _nodes(root, "", first)


def _nodes(node: yaml.Node, at: str, first: int) -> Iterator[tuple[str, int]]:
    if len(at) > _LONGEST:
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = at + pointer(str(key.value))
            yield below, key.start_mark.line + first
            yield from _nodes(value, below, first)
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield f"{at}/{index}", value.start_mark.line + first
            yield from _nodes(value, f"{at}/{index}", first)
