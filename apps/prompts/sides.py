"""Two texts side by side: which lines belong together, and which of their words differ."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from apps.prompts.edits import Block, Work, best_pairs, equal_blocks, gaps

SHOWN = 1_000  # rows of one text; more helps nobody
LINES = 5_000  # of one text that are compared
CHARACTERS = 200_000
CONTEXT = 3
WORDS = 100  # of a text that its likeness is judged by
ALIKE = 0.3  # of their words; below it marks in a line would be confetti
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_WORD = re.compile(r"\w+")

Kind = Literal["same", "changed", "gap"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line; `changed`: the other side has something else there, or nothing."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    number: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of either side or of both; a gap stands for `hidden` equal lines."""

    kind: Kind
    old: Cell | None = None
    new: Cell | None = None
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Sides:
    rows: tuple[Row, ...]
    differ: bool
    is_cut: bool = False


def side_by_side(old: str, new: str, work: Work, *, everything: bool = False) -> Sides:
    """Every line, or only those near a difference."""
    before, after = _lines(old), _lines(new)
    rows = list(_rows(before[:LINES], after[:LINES], work))
    shown = rows if everything else list(_with_gaps(rows))
    is_cut = len(shown) > SHOWN or max(len(before), len(after)) > LINES
    is_cut = is_cut or max(len(old), len(new)) > CHARACTERS
    return Sides(tuple(shown[:SHOWN]), differ=old != new, is_cut=is_cut)


def vocabulary(text: str) -> frozenset[str]:
    """The first words of a text, for `likeness`."""
    return frozenset(found[0].casefold() for found in islice(_WORD.finditer(text), WORDS))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of their words that both have, from 0 to 1."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0


def _lines(text: str) -> list[str]:
    return text[:CHARACTERS].split("\n") if text else []


def _rows(old: list[str], new: list[str], work: Work) -> Iterator[Row]:
    blocks = [block for block in equal_blocks(old, new, work) if _says(old, block)]
    for left, right, block in gaps(blocks, len(old), len(new)):
        yield from _changed(old, new, left, right, work)
        for step in range(block.size):
            yield _equal(old[block.old + step], block.old + step, block.new + step)


def _changed(
    old: list[str], new: list[str], left: range, right: range, work: Work
) -> Iterator[Row]:
    """Lines that belong together beside each other, the others alone."""
    before = [vocabulary(old[at]) for at in left]
    after = [vocabulary(new[at]) for at in right]

    def alike(i: int, j: int) -> float:
        share = likeness(before[i], after[j])
        if old[left[i]] == new[right[j]]:
            return share or ALIKE  # blank ones too, where nothing else claims them
        return share if share >= ALIKE else 0.0

    i = j = 0
    pairs = best_pairs(len(left), len(right), alike, work) if left and right else []
    for a, b in (*pairs, (len(left), len(right))):
        yield from (Row("changed", old=_whole(old, left[at])) for at in range(i, a))
        yield from (Row("changed", new=_whole(new, right[at])) for at in range(j, b))
        if a < len(left):
            yield _pair(old, new, left[a], right[b], work)
        i, j = a + 1, b + 1


def _equal(text: str, i: int, j: int) -> Row:
    piece = (Piece(text),)
    return Row("same", Cell(i + 1, piece), Cell(j + 1, piece))


def _whole(lines: list[str], at: int) -> Cell:
    return Cell(at + 1, (Piece(lines[at], changed=True),))


def _pair(old: list[str], new: list[str], i: int, j: int, work: Work) -> Row:
    if old[i] == new[j]:
        return _equal(old[i], i, j)
    before, after = words(old[i], new[j], work)
    return Row("changed", Cell(i + 1, before), Cell(j + 1, after))


def words(old: str, new: str, work: Work) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts with what differs marked, by words."""
    one, other = _TOKEN.findall(old), _TOKEN.findall(new)
    blocks = [block for block in equal_blocks(one, other, work) if _says(one, block)]
    before: list[Piece] = []
    after: list[Piece] = []
    for left, right, block in gaps(blocks, len(one), len(other)):
        before.append(Piece("".join(one[left.start : left.stop]), changed=True))
        after.append(Piece("".join(other[right.start : right.stop]), changed=True))
        both = Piece("".join(one[block.old : block.old + block.size]))
        before.append(both)
        after.append(both)
    return _filled(before), _filled(after)


def _says(parts: list[str], block: Block) -> bool:
    """Blanks alone between two changes belong to the change."""
    return any(part.strip() for part in parts[block.old : block.old + block.size])


def _filled(pieces: list[Piece]) -> tuple[Piece, ...]:
    return tuple(piece for piece in pieces if piece.text)


def _with_gaps(rows: list[Row]) -> Iterator[Row]:
    """Only rows near a change; each stretch that is left out becomes one row that counts it."""
    near = bytearray(len(rows))
    for index, row in enumerate(rows):
        if row.kind == "changed":
            start, end = max(0, index - CONTEXT), min(len(rows), index + CONTEXT + 1)
            near[start:end] = b"\x01" * (end - start)
    hidden = 0
    for row, is_near in zip(rows, near, strict=True):
        if is_near and hidden:
            yield Row("gap", hidden=hidden)
            hidden = 0
        if is_near:
            yield row
        else:
            hidden += 1
    if hidden:
        yield Row("gap", hidden=hidden)
