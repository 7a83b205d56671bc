"""The classes inside a `usage` object, in the words of every provider that speaks OpenAI's format.

OpenAI's own stand in `…_tokens_details`. Beside them are understood: Anthropic's words for what a
prompt cache read and wrote, as gateways before it pass them on; DeepSeek's hits and misses;
Moonshot's `cached_tokens`; OpenRouter's and Perplexity's searches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.providers.counts import UsageConflict, agreed, count, inside

Raw = Mapping[str, Any]
# Anthropic's words stand beside a `prompt_tokens` that may or may not include them.
_ASIDE = ("cache_read_input_tokens", "cache_creation_input_tokens")


@dataclass(frozen=True, slots=True)
class Leaves:
    """Units by class, of which the input, or the output, is the whole. `aside` of them may stand
    outside of the total that the provider gave."""

    counts: Mapping[str, int]
    aside: int = 0


def input_leaves(raw: Raw) -> Leaves:
    """All classes of the input but the plain one."""
    details = inside(raw, "prompt_tokens_details")
    read = _cache_read(raw, details)
    written = _cache_written(raw, details)
    counts = {
        "in_cache_read": read,
        **written,
        "in_audio": count(details, "audio_tokens") or 0,
        "in_image": count(details, "image_tokens") or 0,
    }
    named = any(count(raw, name) for name in _ASIDE)
    return Leaves(counts, aside=read + sum(written.values()) if named else 0)


def output_leaves(raw: Raw) -> Leaves:
    """All classes of the output but the plain one. xAI counts reasoning outside of
    `completion_tokens`."""
    details = inside(raw, "completion_tokens_details")
    reasoning = count(details, "reasoning_tokens") or 0
    counts = {
        "out_reasoning": reasoning,
        "out_audio": count(details, "audio_tokens") or 0,
        "out_image": count(details, "image_tokens") or 0,
    }
    return Leaves(counts, aside=reasoning)


def tool_calls(raw: Raw) -> dict[str, int]:
    """What the provider's own tools were used for, each with a price of its own."""
    server = inside(raw, "server_tool_use")
    found = agreed([(server, "web_search_requests"), (raw, "num_search_queries")])
    return {"web_search": found} if found else {}


def _cache_read(raw: Raw, details: Raw) -> int:
    hit, miss = count(raw, "prompt_cache_hit_tokens"), count(raw, "prompt_cache_miss_tokens")
    if hit is not None and miss is not None and hit + miss != count(raw, "prompt_tokens"):
        raise UsageConflict(f"{hit} hits and {miss} misses of the cache are not prompt_tokens")
    words = [(details, "cached_tokens"), (raw, "cached_tokens")]
    words += [(raw, "prompt_cache_hit_tokens"), (raw, "cache_read_input_tokens")]
    return agreed(words) or 0


def _cache_written(raw: Raw, details: Raw) -> dict[str, int]:
    """By how long the cache keeps it, where that is told."""
    words = [(details, "cache_write_tokens"), (details, "cache_creation_tokens")]
    words += [(details, "cache_creation_input_tokens"), (raw, "cache_creation_input_tokens")]
    whole = agreed(words)
    split = (
        inside(raw, "cache_creation")
        or inside(details, "cache_creation")
        or inside(details, "cache_creation_token_details")
    )
    short = count(split, "ephemeral_5m_input_tokens") or 0
    long = count(split, "ephemeral_1h_input_tokens") or 0
    rest = (short + long if whole is None else whole) - short - long
    if rest < 0:
        raise UsageConflict(f"{short} + {long} tokens were written to the cache, of {whole}")
    return {
        "in_cache_write": rest,
        "in_cache_write_5m": short,
        "in_cache_write_1h": long,
    }
