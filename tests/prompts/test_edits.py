"""The shortest edit is found, and what is too much work is given up."""

import random
import sys

from apps.prompts.edits import STEPS, Work, best_pairs, equal_blocks, gaps
from apps.prompts.sides import side_by_side


def longest_common(old, new):
    """By the textbook's table."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, one in enumerate(old, 1):
        for j, other in enumerate(new, 1):
            longer = max(table[i - 1][j], table[i][j - 1])
            table[i][j] = table[i - 1][j - 1] + 1 if one == other else longer
    return table[-1][-1]


def test_as_much_as_possible_stays():
    dice = random.Random(7)
    for _ in range(500):
        old = [dice.choice("abcd") for _ in range(dice.randrange(14))]
        new = [dice.choice("abcd") for _ in range(dice.randrange(14))]

        blocks = equal_blocks(old, new, Work())

        for one in blocks:
            assert old[one.old : one.old + one.size] == new[one.new : one.new + one.size]
        assert sum(one.size for one in blocks) == longest_common(old, new)


def test_gaps_and_blocks_make_up_both_sides():
    dice = random.Random(8)
    for _ in range(200):
        old = [dice.choice("abc") for _ in range(dice.randrange(10))]
        new = [dice.choice("abc") for _ in range(dice.randrange(10))]
        left, right = [], []
        for before, after, block in gaps(equal_blocks(old, new, Work()), len(old), len(new)):
            left += [*before, *range(block.old, block.old + block.size)]
            right += [*after, *range(block.new, block.new + block.size)]

        assert left == list(range(len(old)))
        assert right == list(range(len(new)))


def test_without_work_only_the_ends_are_equal():
    assert [(b.old, b.new, b.size) for b in equal_blocks("axbyc", "azbwc", Work(0))] == [
        (0, 0, 1),
        (4, 4, 1),
    ]


def test_no_comparison_starves_the_next():
    work = Work(4_000)

    equal_blocks(range(1_000), range(1_000, 2_000), work)

    assert work.left == 3_000


def test_pairs_are_those_that_are_most_alike_in_order():
    alike = {(0, 1): 0.9, (1, 0): 0.8, (1, 2): 0.5}

    pairs = best_pairs(2, 3, lambda i, j: alike.get((i, j), 0.0), Work())

    assert pairs == [(0, 1), (1, 2)]
    assert best_pairs(2, 3, lambda i, j: 1.0, Work(0)) == [(0, 0), (1, 1)]


def test_huge_texts_take_bounded_work():
    """Counted in calls of functions, which the machine's mood does not change."""
    dice = random.Random(1)

    def noise(lines, length):
        return "\n".join("".join(dice.choices("ab ", k=length)) for _ in range(lines))

    for lines, length in ((2_500, 40), (250, 400), (1, 100_000), (50_000, 1)):
        calls = 0

        def count(frame, event, argument):
            nonlocal calls
            calls += event in {"call", "c_call"}

        old, new, work = noise(lines, length), noise(lines, length), Work()
        sys.setprofile(count)
        try:
            sides = side_by_side(old, new, work)
        finally:
            sys.setprofile(None)

        assert work.left >= 0
        assert calls < 12 * STEPS
        assert len(sides.rows) <= 1_000
