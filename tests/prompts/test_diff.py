"""What differs is told in bounded time, whatever the texts."""

import random
import time

from apps.prompts.diff import compare, line_diff
from tests.prompts.conftest import content, saying


def test_only_sections_that_differ_are_shown():
    sections = compare(content(), content(model="large"))

    assert [section.title for section in sections] == ["Model and parameters"]
    assert compare(content(), content()) == ()


def test_lines_are_numbered_on_both_sides():
    lines = list(line_diff(["a", "b", "c", "d"], ["a", "x", "y", "c", "d"]))

    assert [(line.kind, line.text, line.old, line.new) for line in lines] == [
        ("same", "a", 1, 1),
        ("old", "b", 2, None),
        ("new", "x", None, 2),
        ("new", "y", None, 3),
        ("same", "c", 3, 4),
        ("same", "d", 4, 5),
    ]


def test_both_sides_can_be_rebuilt_from_any_diff():
    dice = random.Random(7)
    for _ in range(300):
        old = [dice.choice("abcd") for _ in range(dice.randrange(12))]
        new = [dice.choice("abcd") for _ in range(dice.randrange(12))]
        lines = list(line_diff(old, new))

        assert [line.text for line in lines if line.kind != "new"] == old
        assert [line.text for line in lines if line.kind != "old"] == new
        assert [line.old for line in lines if line.old] == list(range(1, len(old) + 1))
        assert [line.new for line in lines if line.new] == list(range(1, len(new) + 1))


def test_equal_lines_far_from_a_change_are_counted_only():
    text = "\n".join(f"line {number}" for number in range(100))
    old = content(messages=[{"role": "user", "content": text}])
    new = content(messages=[{"role": "user", "content": text.replace("line 50", "LINE")}])

    (section,) = compare(old, new)

    assert [line.text for line in section.lines if line.kind == "gap"] == [
        "48 equal lines",
        "46 equal lines",
    ]


def test_texts_with_nothing_in_common_take_bounded_time():
    dice = random.Random(1)

    def noise(lines):
        return "\n".join("".join(dice.choices("ab ", k=40)) for _ in range(lines))

    for lines in (790, 2_400):
        start = time.monotonic()
        sections = compare(saying(noise(lines)), saying(noise(lines)))
        assert time.monotonic() - start < 3
        assert len(sections[0].lines) <= 1_000
        assert sections[0].is_cut
