import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.providers.counts import MAX_TOKENS, UsageConflict
from apps.providers.usage import (
    Contested,
    Reported,
    after,
    decompose_openai_usage,
)

tokens = st.integers(min_value=0, max_value=10_000)
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
)
anything = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars)
# A loaded machine must not fail a property.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = ("prompt_tokens", "completion_tokens", "total_tokens")
DETAILS = ("prompt_tokens_details", "completion_tokens_details")


@unhurried
@given(
    cached=tokens, written=tokens, audio=tokens, image=tokens, rest=tokens,
    reasoning=tokens, spoken=tokens, said=tokens,
)  # fmt: skip
def test_classes_are_disjoint_and_add_up(
    cached: int, written: int, audio: int, image: int, rest: int,
    reasoning: int, spoken: int, said: int,
) -> None:  # fmt: skip
    prompt, completion = cached + written + audio + image + rest, reasoning + spoken + said
    usage = decompose_openai_usage(
        {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {
                "cached_tokens": cached,
                "cache_write_tokens": written,
                "audio_tokens": audio,
                "image_tokens": image,
            },
            "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": spoken},
        }
    )

    expected = {
        "in_uncached": rest,
        "in_cache_read": cached,
        "in_cache_write": written,
        "in_audio": audio,
        "in_image": image,
        "out_text": said,
        "out_reasoning": reasoning,
        "out_audio": spoken,
    }
    assert usage.counts == {name: count for name, count in expected.items() if count}
    assert (usage.input_total, usage.output_total) == (prompt, completion)


details = st.dictionaries(
    st.sampled_from(["cached_tokens", "audio_tokens", "reasoning_tokens"]), tokens | anything
)
reports = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(NAMES, tokens | anything) | dict.fromkeys(DETAILS, details | anything),
)


@unhurried
@given(reports)
def test_whatever_is_reported_is_split_exactly_or_refused(raw: dict[str, object]) -> None:
    try:
        usage = decompose_openai_usage(raw)
    except UsageConflict:
        return

    assert all(type(count) is int and count > 0 for count in usage.counts.values())
    inputs = sum(count for name, count in usage.counts.items() if name.startswith("in_"))
    assert inputs == usage.input_total == raw["prompt_tokens"]
    assert sum(usage.counts.values()) - inputs == usage.output_total


@unhurried
@given(anything)
def test_nothing_but_a_conflict_is_ever_raised(raw: object) -> None:
    with contextlib.suppress(UsageConflict):
        decompose_openai_usage(raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "usage is not an object"),
        ([], "usage is not an object"),
        ({}, "prompt_tokens is missing"),
        ({"prompt_tokens": None}, "prompt_tokens is missing"),
        ({"prompt_tokens": 3}, "completion_tokens is missing"),
        ({"prompt_tokens": 3, "total_tokens": 4}, "completion_tokens is missing"),
        ({"prompt_tokens": -1, "completion_tokens": 1}, "not a number of tokens: -1"),
        ({"prompt_tokens": "3", "completion_tokens": 1}, "not a number of tokens: '3'"),
        ({"prompt_tokens": True, "completion_tokens": 1}, "not a number of tokens: True"),
        ({"prompt_tokens": 3.0, "completion_tokens": 1}, "not a number of tokens: 3.0"),
        ({"prompt_tokens": MAX_TOKENS + 1, "completion_tokens": 1}, "not a number of tokens"),
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 8}, "8 is not 3 + 4"),
        (
            {"prompt_tokens": 3, "completion_tokens": 4, "prompt_tokens_details": [1]},
            "prompt_tokens_details is not an object",
        ),
        (
            {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "prompt_tokens_details": {"cached_tokens": 4},
            },
            "add up to more than 3",
        ),
    ],
)
def test_a_contradiction_is_named(raw: object, reason: str) -> None:
    with pytest.raises(UsageConflict, match=reason.replace("+", r"\+")):
        decompose_openai_usage(raw)


def test_an_explicit_zero_is_a_number() -> None:
    usage = decompose_openai_usage({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})

    assert usage.counts == {}
    assert (usage.input_total, usage.output_total) == (0, 0)


def test_embeddings_report_no_output() -> None:
    usage = decompose_openai_usage({"prompt_tokens": 7, "total_tokens": 7})

    assert usage.counts == {"in_uncached": 7}
    assert usage.output_total == 0


def test_null_details_are_missing_details() -> None:
    usage = decompose_openai_usage(
        {
            "prompt_tokens": 7,
            "completion_tokens": 2,
            "prompt_tokens_details": None,
            "completion_tokens_details": {"reasoning_tokens": None},
        }
    )

    assert usage.counts == {"in_uncached": 7, "out_text": 2}


def reported(prompt: int, completion: int, **details: object) -> Reported:
    raw = {"prompt_tokens": prompt, "completion_tokens": completion, **details}
    return Reported(decompose_openai_usage(raw))


def test_a_provider_may_count_as_it_goes() -> None:
    first, second = reported(5, 1), reported(5, 4)

    assert after(first.usage, second, is_final=False) == second
    assert after(None, first, is_final=False) == first
    assert after(first.usage, Reported(problem="missing"), is_final=False).usage == first.usage


@pytest.mark.parametrize(
    ("before", "now", "is_final"),
    [
        (reported(5, 4), reported(5, 3), False),  # takes tokens back
        (reported(5, 4), reported(5, 9), True),  # after its last word
        (reported(5, 4), reported(5, 4, prompt_tokens_details={"cached_tokens": 2}), True),
    ],
)
def test_reports_that_contradict_each_other_are_contested(
    before: Reported, now: Reported, is_final: bool
) -> None:
    found = after(before.usage, now, is_final=is_final)

    assert found.usage is None
    assert found.contested == Contested(found.problem or "", [before.usage.raw, now.usage.raw])
