"""The same usage in the words of many providers comes to the same classes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.providers.counts import UsageConflict
from apps.providers.usage import decompose_openai_usage

tokens = st.integers(0, 10_000)
LEAVES = (
    *("in_uncached", "in_cache_read", "in_cache_write", "in_cache_write_5m", "in_cache_write_1h"),
    *("in_audio", "in_image", "out_text", "out_reasoning", "out_audio", "out_image", "web_search"),
)
Raw = dict[str, Any]


def openai(n: Raw) -> Raw:
    """OpenAI's own words, all inside of the totals."""
    written = n["in_cache_write"] + n["in_cache_write_5m"] + n["in_cache_write_1h"]
    prompt = n["in_uncached"] + n["in_cache_read"] + written + n["in_audio"] + n["in_image"]
    completion = n["out_text"] + n["out_reasoning"] + n["out_audio"] + n["out_image"]
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": n["in_cache_read"],
            "cache_write_tokens": written,
            "audio_tokens": n["in_audio"],
            "image_tokens": n["in_image"],
        },
        "completion_tokens_details": {
            "reasoning_tokens": n["out_reasoning"],
            "audio_tokens": n["out_audio"],
            "image_tokens": n["out_image"],
        },
        "server_tool_use": {"web_search_requests": n["web_search"]},
        "cache_creation": {
            "ephemeral_5m_input_tokens": n["in_cache_write_5m"],
            "ephemeral_1h_input_tokens": n["in_cache_write_1h"],
        },
    }


def anthropic_inside(n: Raw) -> Raw:
    """Anthropic's words beside OpenAI's totals that have them in."""
    raw = openai(n)
    details = raw["prompt_tokens_details"]
    raw["cache_creation_input_tokens"] = details["cache_creation_tokens"] = details.pop(
        "cache_write_tokens"
    )
    raw["cache_read_input_tokens"] = details["cached_tokens"]
    details["cache_creation_token_details"] = raw.pop("cache_creation")
    return raw


def anthropic_aside(n: Raw) -> Raw:
    """Anthropic's words, and a `prompt_tokens` that is its `input_tokens`: without the cache."""
    raw = openai(n)
    details = raw["prompt_tokens_details"]
    raw["cache_read_input_tokens"] = details.pop("cached_tokens")
    raw["cache_creation_input_tokens"] = details.pop("cache_write_tokens")
    raw["prompt_tokens"] -= raw["cache_read_input_tokens"] + raw["cache_creation_input_tokens"]
    return raw


def deepseek(n: Raw) -> Raw:
    raw = openai(n)
    cached = raw["prompt_tokens_details"]["cached_tokens"]
    raw["prompt_cache_hit_tokens"] = cached
    raw["prompt_cache_miss_tokens"] = raw["prompt_tokens"] - cached
    return raw


def moonshot(n: Raw) -> Raw:
    raw = openai(n)
    raw["cached_tokens"] = raw["prompt_tokens_details"].pop("cached_tokens")
    return raw


def perplexity(n: Raw) -> Raw:
    raw = openai(n)
    del raw["server_tool_use"]
    return raw | {"num_search_queries": n["web_search"]}


def xai(n: Raw) -> Raw:
    """Reasoning stands outside of `completion_tokens`, but in `total_tokens`."""
    raw = openai(n)
    raw["completion_tokens"] -= n["out_reasoning"]
    return raw


DIALECTS = [openai, anthropic_inside, anthropic_aside, deepseek, moonshot, perplexity, xai]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(deadline=None)
@given(leaves=st.fixed_dictionaries(dict.fromkeys(LEAVES, tokens)))
def test_every_dialect_tells_the_same_classes(
    dialect: Callable[[Raw], Raw], leaves: dict[str, int]
) -> None:
    cached = sum(leaves[name] for name in leaves if name.startswith("in_cache"))
    # As many cached as reasoning tokens: the total does not tell which of them stand aside.
    assume(dialect is not anthropic_aside or not cached or cached != leaves["out_reasoning"])
    raw = dialect(leaves)

    usage = decompose_openai_usage(raw)

    assert usage.counts == {name: count for name, count in leaves.items() if count}
    said = sum(count for name, count in leaves.items() if name.startswith("out_"))
    assert (usage.output_total, usage.input_total + said) == (said, raw["total_tokens"])
    assert usage.raw is raw


COUNTS = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"prompt_cache_hit_tokens": 3, "prompt_cache_miss_tokens": 6}, "3 hits and 6 misses"),
        (
            {"prompt_cache_hit_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}},
            "told differently: cached_tokens 4, prompt_cache_hit_tokens 3",
        ),
        (
            {"cache_creation_input_tokens": 2, "cache_creation": {"ephemeral_5m_input_tokens": 3}},
            "3 . 0 tokens were written to the cache, of 2",
        ),
        ({"cache_creation": 7}, "cache_creation is not an object"),
        ({"cache_read_input_tokens": 11}, "prompt_tokens_details add up to more than 10"),
        ({"cache_read_input_tokens": 3, "total_tokens": None}, "no total_tokens"),
        ({"cache_read_input_tokens": 3, "total_tokens": 16}, "total_tokens 16 is not 10 . 4"),
        (
            {
                "cache_read_input_tokens": 3,
                "completion_tokens_details": {"reasoning_tokens": 3},
                "total_tokens": 17,
            },
            "total_tokens 17 is not",  # either the cache or the reasoning stands aside
        ),
        ({"server_tool_use": {"web_search_requests": -1}}, "not a number of tokens: -1"),
    ],
)
def test_what_can_be_read_in_two_ways_is_a_conflict(more: Raw, reason: str) -> None:
    with pytest.raises(UsageConflict, match=reason):
        decompose_openai_usage(COUNTS | more)


def test_a_cache_write_of_which_nobody_says_how_long_it_is_kept_is_of_its_own_class() -> None:
    usage = decompose_openai_usage(COUNTS | {"cache_creation_input_tokens": 6})

    assert usage.counts == {"in_uncached": 4, "in_cache_write": 6, "out_text": 4}
