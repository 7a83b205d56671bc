"""Lines beside each other, with the words that differ marked on both sides."""

import random

from apps.prompts.comparison import compare_contents, compare_messages
from apps.prompts.edits import Work
from apps.prompts.sides import side_by_side
from tests.prompts.conftest import content


def shown(old, new, **values):
    """Number and text of each side, changed words in brackets."""
    rows = side_by_side(old, new, Work(), **values).rows
    return [(row.kind, said(row.old), said(row.new)) for row in rows]


def said(cell):
    if cell is None:
        return ""
    return f"{cell.number} " + "".join(
        f"[{piece.text}]" if piece.changed else piece.text for piece in cell.pieces
    )


def test_changed_words_are_marked_on_both_sides():
    assert shown("Describe the red kettle.", "Describe the blue kettle, briefly.") == [
        ("changed", "1 Describe the [red] kettle.", "1 Describe the [blue] kettle[, briefly].")
    ]


def test_a_line_that_came_stands_alone_beside_nothing():
    assert shown("Write a text.\nBe kind.", "# new\nWrite a short text.\nBe kind.") == [
        ("changed", "", "1 [# new]"),
        ("changed", "1 Write a text.", "2 Write a [short ]text."),
        ("same", "2 Be kind.", "3 Be kind."),
    ]


def test_lines_with_little_in_common_are_not_laid_beside_each_other():
    assert shown("one two three four", "five six seven four eight") == [
        ("changed", "1 [one two three four]", ""),
        ("changed", "", "1 [five six seven four eight]"),
    ]


def test_a_blank_line_tears_no_pair_apart():
    kinds = [(row[1], row[2]) for row in shown("Texts for Kettle.\n", "\nTexts for Kettle, warm.")]

    assert ("1 Texts for Kettle.", "2 Texts for Kettle[, warm].") in kinds


def test_only_lines_near_a_difference_are_shown_or_all():
    old = "\n".join(f"line {number}" for number in range(20))
    new = old.replace("line 10", "row 10")

    rows = side_by_side(old, new, Work()).rows

    assert [(row.kind, row.hidden) for row in rows] == [
        ("gap", 7),
        *[("same", 0)] * 3,
        ("changed", 0),
        *[("same", 0)] * 3,
        ("gap", 6),
    ]
    assert len(side_by_side(old, new, Work(), everything=True).rows) == 20


def test_both_sides_can_be_rebuilt_from_what_is_shown():
    dice = random.Random(5)
    for _ in range(200):
        old, new = ("\n".join(dice.choices(("a b", "a c", "", "d"), k=6)) for _ in range(2))

        rows = side_by_side(old, new, Work(), everything=True).rows

        for side, text in (("old", old), ("new", new)):
            cells = [cell for row in rows if (cell := getattr(row, side))]
            assert "\n".join("".join(p.text for p in cell.pieces) for cell in cells) == text
            assert [cell.number for cell in cells] == list(range(1, len(cells) + 1))


def message(role, text):
    return {"role": role, "content": text}


def test_messages_of_one_role_that_are_most_alike_belong_together():
    old = [message("system", "Be kind."), message("user", "Describe {{ product }} now.")]
    new = [
        message("system", "Be brief and kind."),
        message("user", "An example."),
        message("assistant", "Its answer."),
        message("user", "Describe {{ product }}."),
    ]

    titles = [text.title for text in compare_messages(old, new, Work())]

    assert titles == [
        "1 · system",
        "2 · user, added",
        "3 · assistant, added",
        "2 → 4 · user",
    ]


def test_what_no_version_should_be_is_shown_all_the_same():
    """A draft may be anything that JSON can say."""
    odd = content(messages="text", variables=[1], parameters=3, response_schema=[10**30])

    found = compare_contents(odd, content(), Work())

    assert {one.name for one in found.settings} == {"max_tokens", "parameters"}
    assert [text.title for text in found.messages] == ["1 · system, added", "2 · user, added"]
    assert [one.name for one in found.variables] == ["product"]
    assert compare_contents(odd, odd, Work(), everything=True).settings


def test_settings_and_declarations_that_differ_are_named():
    old = content(parameters={"temperature": 0.7, "max_tokens": 60})
    new = content(
        model="large",
        parameters={"max_tokens": 60, "stop": ["#"]},
        variables={"product": {"type": "string", "max_length": 30}},
    )

    found = compare_contents(old, new, Work())

    assert [(one.name, one.old, one.new) for one in found.settings] == [
        ("model", "small", "large"),
        ("stop", None, '["#"]'),
        ("temperature", "0.7", None),
    ]
    (product,) = found.variables
    changed = {one.name: (one.old, one.new) for one in product.settings if one.differs}
    assert changed == {
        "max_length": ("20", "30"),
        "required": ("true", None),
        "sample": ("a red kettle", None),
    }
    assert compare_contents(old, old, Work()).is_empty
