"""How much work a JSON Schema of somebody else may make, told before the library sees it.

Each part counts as often as references lead to it. A schema that leads back into itself in one
place only (a tree by its `children`) looks at each part of a value a bounded number of times; with
two such places the number may double with each level of the value, so it is not used for checks.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

MOST_PARTS = (
    2_000  # of a schema that checks values: 2,000 for each of 32,000 numbers takes a second
)
MOST_PATTERNS = 5_000  # characters and repetitions of all patterns; those of Unicode count tenfold
_REPEATED = re.compile(r"\{(\d{1,6})(?:,(\d{0,6}))?\}")
_OF_UNICODE = re.compile(r"\\[pPwW]|\(\?[a-zA-Z]*i")
_TENFOLD = 10
_ELSEWHERE = frozenset({"$ref", "$dynamicRef", "$recursiveRef"})  # not to a place in the document


class TooMuchWork(ValueError):
    """Says of the schema what it does."""


def bound_patterns(schema: Any) -> None:
    """Compiling one of 10 characters can take 0.2 s. Raises `TooMuchWork`."""
    if sum(map(_weight, _patterns(schema))) > MOST_PATTERNS:
        raise TooMuchWork("has too many, too long or too often repeated patterns")


def bound_work(schema: Any, *, checks_values: bool) -> None:
    """Raises `TooMuchWork`. Where no values are checked only `unevaluated…` is dear: the library
    writes out all that they may refer to."""
    if checks_values or _has_unevaluated(schema):
        try:
            _Walk(schema, checks_values=checks_values).over(schema, ())
        except RecursionError:  # no cause: it would keep all those frames alive
            raise TooMuchWork("has parts or references nested too deep") from None


class _Walk:
    def __init__(self, root: Any, *, checks_values: bool) -> None:
        self._root = root
        self._checks_values = checks_values
        self._parts = self._returns = 0
        dialect = str(root.get("$schema")) if isinstance(root, dict) else ""
        # What moves the place from which # counts.
        self._bases = {"$id", "id"} if "draft-04" in dialect else {"$id"}

    def over(self, part: Any, inside: tuple[str, ...]) -> None:
        """`inside`: the references that led here."""
        if not isinstance(part, (dict, list)):
            return
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise TooMuchWork("has too many parts, each counted as often as it is referred to")
        if isinstance(part, list):
            for item in part:
                self.over(item, inside)
            return
        for name, value in part.items():
            if isinstance(value, str):
                self._word(name, value, inside, is_root=part is self._root)
            elif part is not self._root or name not in {"$defs", "definitions"}:
                self.over(value, inside)  # those count where they are referred to

    def _word(self, name: str, value: str, inside: tuple[str, ...], *, is_root: bool) -> None:
        if name == "$ref" and (value == "#" or value.startswith("#/")):
            self._follow(value, inside)
        elif name in _ELSEWHERE or (name in self._bases and not is_root):
            raise TooMuchWork("may refer only to its own parts (#/…)")

    def _follow(self, reference: str, inside: tuple[str, ...]) -> None:
        if reference not in inside:
            self.over(_at(self._root, reference), (*inside, reference))
            return
        self._returns += 1
        if self._checks_values and self._returns > 1:
            raise TooMuchWork("refers to itself in more than one place")


def _at(root: Any, reference: str) -> Any:
    """What a pointer leads to; the library says where there is nothing."""
    for step in unquote(reference).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(root, dict):
            root = root.get(name)
        else:
            root = root[int(name)] if isinstance(root, list) and name.isdecimal() else None
    return root


def _dicts(part: Any) -> Iterator[dict[str, Any]]:
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _has_unevaluated(schema: Any) -> bool:
    names = {"unevaluatedProperties", "unevaluatedItems"}
    return any(not names.isdisjoint(part) for part in _dicts(schema))


def _patterns(schema: Any) -> Iterator[str]:
    for part in _dicts(schema):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        if isinstance(part.get("patternProperties"), dict):
            yield from part["patternProperties"]


def _weight(pattern: str) -> int:
    repeated = sum(int(most or least) for least, most in _REPEATED.findall(pattern))
    size = len(pattern) + repeated
    return size * _TENFOLD if _OF_UNICODE.search(pattern) else size
