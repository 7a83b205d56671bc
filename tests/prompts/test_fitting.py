"""A prompt is shortened by its author's steps, in their order, only as far as needed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.prompts.fitting import MARK, fit
from apps.prompts.rendering import render
from apps.registry.tokens import ByRatio, counter_of
from apps.registry.types import ModelFacts
from tests.prompts.test_rendering import version

BYTES = ByRatio(1.0)  # a byte is a token, so that a test can count
EXACT = counter_of(ModelFacts("m", "chat", 1, 1, False, False, False, True, "o200k_base"))
MESSAGES = (
    {"role": "system", "content": "Be brief."},
    {"role": "system", "content": "Examples: one, two, three."},
    {"placeholder": "history"},
    {"role": "user", "content": "Read {{ document }} and answer."},
)
VARIABLES = {
    "history": {"type": "messages", "required": False},
    "document": {"type": "string"},
}
STEPS = [{"drop": 2}, {"trim": "history", "keep": 1}, {"truncate": "document", "keep": 5}]


def facts(steps=STEPS, messages=MESSAGES):
    made = version(messages, **VARIABLES)
    return type(made)(
        **{name: getattr(made, name) for name in made.__slots__} | {"fit": {"steps": steps}}
    )


def run(budget, *, steps=STEPS, history=(), document="a text", counter=BYTES):
    return fit(
        facts(steps), {"history": list(history), "document": document},
        budget=budget, tokens_of=lambda message: counter.count(message["content"]), counter=counter,
    )  # fmt: skip


def said(role, content):
    return {"role": role, "content": content}


TALK = [
    said("user", "1" * 10),
    said("assistant", "2" * 10),
    said("tool", "3" * 10),
    said("user", "4" * 10),
]


def test_what_fits_is_left_alone():
    whole = run(10_000, history=TALK)
    assert whole.messages == render(facts(), {"history": TALK, "document": "a text"})
    assert (whole.saved_tokens, whole.left_out) == (0, ())


def test_steps_are_taken_in_order_and_only_as_far_as_needed():
    size = run(10_000, history=TALK).tokens

    one = run(size - 1, history=TALK)
    two = run(size - 30, history=TALK)

    assert (one.left_out, one.saved_tokens) == (("message 2",), 26)
    assert two.left_out == ("message 2", "history: 1 message")
    assert [m["content"][0] for m in two.messages] == ["B", "2", "3", "4", "R"]


def test_a_tools_answer_goes_with_the_message_that_asked():
    size = run(10_000, history=TALK).tokens
    fitted = run(size - 26 - 15, history=TALK)
    assert fitted.left_out == ("message 2", "history: 3 messages")


def test_the_newest_messages_that_are_to_stay_stay():
    fitted = run(1, steps=[{"trim": "history", "keep": 2}], history=TALK)
    # two of the four would go, but the third belongs to the second
    assert fitted.left_out == ("history: 1 message",)


def test_a_text_is_cut_with_a_mark():
    fitted = run(60, document="x" * 500)
    text = fitted.messages[-1]["content"]
    assert MARK in text
    assert text.startswith("Read xxx")
    assert fitted.tokens <= 60


def test_a_text_that_a_template_does_not_shorten_ends_at_what_is_kept():
    messages = (said("user", "{{ document|length }}" + "y" * 50),)
    made = facts([{"truncate": "document", "keep": 3}], messages)
    fitted = fit(
        made, {"history": [], "document": "x" * 10_000},
        budget=10, tokens_of=lambda m: BYTES.count(m["content"]), counter=BYTES,
    )  # fmt: skip
    assert fitted.left_out == ("document: 9997 tokens",)
    assert fitted.tokens > 10


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
messages = st.lists(
    st.builds(said, st.sampled_from(["user", "assistant", "tool"]), TEXT),
    max_size=12,
)
steps = st.permutations(STEPS).flatmap(
    lambda order: st.integers(0, len(order)).map(lambda count: order[:count])
)


@settings(max_examples=150, deadline=None)
@given(history=messages, document=TEXT, budget=st.integers(1, 400), steps=steps)
def test_whatever_is_given(history, document, budget, steps):
    """Fits, or has taken every step to its end; keeps what is required; the same twice."""
    fitted = run(budget, steps=steps, history=history, document=document, counter=EXACT)

    assert fitted == run(budget, steps=steps, history=history, document=document, counter=EXACT)
    assert fitted.tokens == sum(EXACT.count(m["content"]) for m in fitted.messages)
    contents = [m["content"] for m in fitted.messages]
    assert contents[0] == "Be brief."
    assert contents[-1].startswith("Read ")
    kept = [m for m in fitted.messages if m["role"] != "system"][:-1]
    assert history[len(history) - len(kept) :] == kept  # the newest, in their order
    if len(kept) < len(history):
        assert {"trim": "history", "keep": 1} in steps
        assert not kept or kept[0]["role"] != "tool"  # no pair is split
        assert kept
    if {"truncate": "document", "keep": 5} not in steps:
        assert contents[-1] == f"Read {document} and answer."
    if fitted.tokens > budget:
        assert ("message 2" in fitted.left_out) == ({"drop": 2} in steps)
        if {"truncate": "document", "keep": 5} in steps and EXACT.count(document) > 5:
            assert contents[-1] == f"Read {EXACT.head(document, 5)}{MARK} and answer."
