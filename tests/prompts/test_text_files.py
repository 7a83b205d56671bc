"""A version as a text file: whatever it holds, reading gives back what was written."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.prompts import textfile
from apps.prompts.textfile import TextFileError
from tests.prompts.conftest import CONTENT

_words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
_tricky = st.sampled_from(
    ["yes", "1e3", "2020-01-01", "~", "null", "<<", "=", "- a", "a: b", "#", "'", "0o7", "1_000",
     "<<< user >>>", "\\<<< x", "\\\\<<<", "---", "\n---\n", "\r\n", "\u2028", "\x85", "\ufeff",
     "\x1b", " x ", "\tx\n", "é日😀", "|", ">", "*a", "&a", "!x", "%", "@", "`"]
)  # fmt: skip
_texts = st.lists(st.one_of(_words, _tricky), max_size=5).map("".join) | st.lists(
    st.one_of(_words, _tricky), max_size=5
).map("\n".join)
_leaves = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | _texts
    | st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip
_json = st.recursive(
    _leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3)
)
_messages = st.lists(
    st.one_of(
        st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": _texts}),
        st.fixed_dictionaries({"placeholder": st.sampled_from(["history", "a_1"])}),
        st.fixed_dictionaries({"role": _texts, "content": _texts}),
        st.fixed_dictionaries({"placeholder": _texts}),
    ),
    min_size=1,
    max_size=4,
)
_documents = st.fixed_dictionaries(
    {"slug": st.just("gift-text"), "messages": _messages},
    optional={
        "note": _texts, "name": _texts, "folder": _texts, "model": _texts, "tags": st.lists(_texts),
        "variables": st.dictionaries(_texts, _json, max_size=3), "parameters": _json,
        "response_schema": _json,
    },
)  # fmt: skip


def told(document: dict[str, Any]) -> dict[str, Any]:
    """Without what says nothing."""
    return {key: value for key, value in document.items() if value not in (None, "", [], {})}


SLOW_IS_FINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW_IS_FINE
@given(_documents)
def test_whatever_it_holds_comes_back(document):
    text = textfile.write(document)

    assert textfile.read(text) == told(document)
    assert textfile.write(textfile.read(text)) == text


@SLOW_IS_FINE
@given(_words)
def test_any_text_is_read_or_refused(text):
    for form in (text, f"---\n{text}", f"---\n{text}\n---\n{text}"):
        try:
            textfile.read(form)
        except TextFileError as error:
            assert len(str(error)) < 1_000  # noqa: PT017


def test_it_looks_as_people_write_it():
    document = {"slug": "gift", "note": "First.", **CONTENT}

    assert textfile.write(document) == (
        "---\n"
        "slug: gift\n"
        "model: small\n"
        "parameters:\n"
        "  max_tokens: 60\n"
        "variables:\n"
        "  product:\n"
        "    max_length: 20\n"
        "    required: true\n"
        "    sample: a red kettle\n"
        "    type: string\n"
        "note: First.\n"
        "---\n"
        "<<< system >>>\n"
        "You write short texts for a shop.\n"
        "<<< user >>>\n"
        "Describe {{ product }}.\n"
    )


def test_the_order_of_keys_says_nothing():
    one = {"slug": "a", "parameters": {"b": 1, "a": 2}, "messages": []}
    other = {"messages": [], "parameters": {"a": 2, "b": 1}, "slug": "a"}

    assert textfile.write(one) == textfile.write(other)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("slug: a\n", "Line 1"),
        ("---\nslug: a\n", "No second line"),
        ("---\nslug: a\nslug: b\n---\n", "Line 3: slug stands twice"),
        ("---\na: {1: 2}\n---\n", "Line 2: put the key 1 into quotes"),
        ("---\na: &x [1]\nb: *x\n---\n", "Line 3: aliases"),
        ("---\na: !!python/object:os.system x\n---\n", "Line 2"),
        ("---\na: [\n---\n", "Line 3"),
        ("---\n- a\n---\n", "stand fields"),
        ("---\na: .nan\n---\n", "cannot be read"),
        ("---\na: " + "[" * 5_000 + "]" * 5_000 + "\n---\n", "cannot be read"),
        ("---\na: " + "[" * 50_000 + "\n---\n", "Line 2: cannot be read: more than 64 levels"),
        ("---\na: 1" + ":59" * 200_000 + "\n---\n", "Line 2: put 1:59"),
        ("---\na: 12:30\n---\n", "Line 2: put 12:30 into quotes"),
        ('---\na: "\\0"\n---\n', "NUL"),
        ("---\na: !!bool maybe\n---\n", "Line 2: tags"),
        ("---\na: !!timestamp soon\n---\n", "Line 2: tags"),
        ("---\nslug: a\n---\nhello\n", "Line 4: must be the head"),
        ("---\nslug: a\n---\n<<< user >>>\n<<< what?\n", "Line 5: write"),
        ("---\nslug: a\n---\n<<< placeholder x >>>\nhello\n", "Line 4: a placeholder has no text"),
        ("---\n" + "x" * 1_000_001, "more than 1,000,000"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, message):
    with pytest.raises(TextFileError, match=message):
        textfile.read(text)


def test_a_date_is_a_text():
    assert textfile.read("---\nnote: 2026-01-01\n---\n") == {"note": "2026-01-01"}


@pytest.mark.parametrize("messages", [5, True, 1.5, "x", ["x"], {"role": "user"}])
def test_messages_of_any_shape_come_back(messages):
    """A draft's may be anything."""
    document = {"slug": "gift", "messages": messages}

    assert textfile.read(textfile.write(document)) == document
