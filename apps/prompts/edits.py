"""The shortest way from one sequence to another, in bounded work.

Myers, “An O(ND) Difference Algorithm and Its Variations” (Algorithmica 1986): the furthest point on
each diagonal, for one more edit at a time. `difflib` can take minutes on texts with nothing in
common; this counts its steps and gives up, so what is asked of a page stays a matter of its size.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

STEPS = 300_000
"""Of one page; below a second."""
LIKENESS = 10  # steps that one question for likeness counts as
SHARE = 4  # one comparison may take this part of what is left, so that none starves the others


class Work:
    """Steps that are left. What comes when they are used up is shown as replaced."""

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def take(self, steps: int) -> bool:
        """Whether there were so many; only then they are used."""
        if steps > self.left:
            return False
        self.left -= steps
        return True

    def part(self) -> "Work":
        """For one comparison; give it back with `settle`."""
        granted = Work(self.left // SHARE)
        self.left -= granted.left
        return granted

    def settle(self, part: "Work") -> None:
        self.left += part.left


@dataclass(frozen=True, slots=True)
class Block:
    """So many equal entries, from these positions on."""

    old: int
    new: int
    size: int


def equal_blocks(old: Sequence[Hashable], new: Sequence[Hashable], work: Work) -> list[Block]:
    """In order. Beyond the bound only what both begin and end with."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    middle = _middle(old[head : len(old) - tail], new[head : len(new) - tail], work)
    blocks = [Block(0, 0, head)]
    blocks += [Block(head + one.old, head + one.new, one.size) for one in middle]
    blocks.append(Block(len(old) - tail, len(new) - tail, tail))
    return [block for block in blocks if block.size]


def gaps(blocks: Sequence[Block], old: int, new: int) -> Iterator[tuple[range, range, Block]]:
    """What differs before each block, and the block; an empty one comes last. `old` and `new` are
    the lengths of both sides."""
    i = j = 0
    for block in (*blocks, Block(old, new, 0)):
        yield range(i, block.old), range(j, block.new), block
        i, j = block.old + block.size, block.new + block.size


def best_pairs(
    old: int, new: int, alike: Callable[[int, int], float], work: Work
) -> list[tuple[int, int]]:
    """Pairs in order, whose likeness adds up to the most; none of likeness 0. Without the work for
    it: by position."""
    if not work.take(LIKENESS * old * new):
        return [(index, index) for index in range(min(old, new))]
    likeness = [[alike(i, j) for j in range(new)] for i in range(old)]
    best = [[0.0] * (new + 1) for _ in range(old + 1)]
    for i in reversed(range(old)):
        for j in reversed(range(new)):
            paired = likeness[i][j] + best[i + 1][j + 1]
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    return list(_chosen(likeness, best))


def _chosen(likeness: list[list[float]], best: list[list[float]]) -> Iterator[tuple[int, int]]:
    i = j = 0
    while i < len(likeness) and j < len(likeness[i]):
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            yield i, j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _common(old: Sequence[Hashable], new: Sequence[Hashable]) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))))


def _middle(old: Sequence[Hashable], new: Sequence[Hashable], work: Work) -> list[Block]:
    part = work.part()
    numbers = {entry: index for index, entry in enumerate({*old, *new})}  # cheaper to compare
    rows = _rows([numbers[one] for one in old], [numbers[one] for one in new], part)
    work.settle(part)
    return list(_back(rows, len(old), len(new)))[::-1] if rows else []


def _rows(old: list[int], new: list[int], work: Work) -> list[list[int]]:
    """For each number of edits how far on each diagonal; the last row reaches the end. None when
    that takes too much work."""
    end, goal = len(old) - len(new), len(old)
    rows: list[list[int]] = []
    for edits in range(len(old) + len(new) + 1):
        row: list[int] = []
        for index in range(edits + 1):
            start = _start(rows[-1], index, edits) if rows else 0
            reached = _slide(old, new, start, start - (2 * index - edits))
            row.append(reached)
            if not work.take(1 + reached - start):
                return []
        rows.append(row)
        if abs(end) <= edits and (end + edits) % 2 == 0 and row[(end + edits) // 2] >= goal:
            return rows
    return rows


def _is_down(row: list[int], index: int, edits: int) -> bool:
    """Whether the furthest way to a diagonal adds an entry of the new side."""
    return index == 0 or (index != edits and row[index - 1] < row[index])


def _start(row: list[int], index: int, edits: int) -> int:
    return row[index] if _is_down(row, index, edits) else row[index - 1] + 1


def _slide(old: list[int], new: list[int], x: int, y: int) -> int:
    while x < len(old) and y < len(new) and old[x] == new[y]:
        x, y = x + 1, y + 1
    return x


def _back(rows: list[list[int]], x: int, y: int) -> Iterator[Block]:
    """The equal stretches of the way that was found, from the end."""
    for edits in reversed(range(len(rows))):
        index = (x - y + edits) // 2
        if not edits:
            begin, before = (0, 0), (0, 0)
        elif _is_down(rows[edits - 1], index, edits):
            px = rows[edits - 1][index]
            before = px, px - (x - y) - 1
            begin = px, before[1] + 1
        else:
            px = rows[edits - 1][index - 1]
            before = px, px - (x - y) + 1
            begin = px + 1, before[1]
        if x > begin[0]:
            yield Block(begin[0], begin[1], x - begin[0])
        x, y = before
