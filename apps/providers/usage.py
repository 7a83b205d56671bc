"""What a call consumed, split into classes that add up.

Providers report overlapping numbers (OpenAI's `prompt_tokens` includes cached and audio tokens,
`completion_tokens` includes reasoning). Prices need classes that don't overlap, so the numbers
are taken apart once, here, and never again further up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.registry.tiers import DEFAULT_TIER, tier_of

# No model reads or writes a billion tokens in one call. A larger number is a fault of the
# provider, and refusing it keeps price arithmetic inside 64 bits.
MAX_TOKENS = 1_000_000_000

_INPUT_DETAILS = {
    "cached_tokens": "in_cache_read",
    "cache_write_tokens": "in_cache_write",
    "audio_tokens": "in_audio",
    "image_tokens": "in_image",
}
_OUTPUT_DETAILS = {"reasoning_tokens": "out_reasoning", "audio_tokens": "out_audio"}


class UsageConflict(ValueError):
    """Reported usage contradicts itself. It must never be clamped or guessed into a charge."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    `counts` holds disjoint classes, only those above zero: `in_uncached`, `in_cache_read`,
    `in_cache_write`, `in_audio`, `in_image`, `out_text`, `out_reasoning`, `out_audio`.
    Its `in_*` add up to `input_total` and its `out_*` to `output_total`. `raw` is what the
    provider sent. `service_tier` is the one that it was billed in, as the answer says.
    """

    counts: Mapping[str, int]
    input_total: int
    output_total: int
    raw: Mapping[str, Any]
    service_tier: str = DEFAULT_TIER


@dataclass(frozen=True, slots=True)
class Contested:
    """Numbers that cannot be true, as they were sent, and what is wrong with them in words."""

    problem: str
    raw: Any


@dataclass(frozen=True, slots=True)
class Reported:
    """What an answer says of its usage: numbers, or the `problem` with them."""

    usage: Usage | None = None
    problem: str | None = None
    contested: Contested | None = None


def decompose_openai_usage(raw: object) -> Usage:
    """Split an OpenAI `usage` object; raises `UsageConflict` when it isn't consistent.

    A missing `completion_tokens` is accepted only when `total_tokens` shows that nothing was
    generated (embeddings). An explicit zero is a zero, null is missing.
    """
    if not isinstance(raw, Mapping):
        raise UsageConflict("usage is not an object")
    input_total = _required(raw, "prompt_tokens")
    total = _count(raw, "total_tokens")
    output_total = _count(raw, "completion_tokens")
    if output_total is None:
        if total != input_total:
            raise UsageConflict("completion_tokens is missing")
        output_total = 0
    if total is not None and total != input_total + output_total:
        raise UsageConflict(f"total_tokens {total} is not {input_total} + {output_total}")
    counts = _leaves(raw, "prompt_tokens_details", _INPUT_DETAILS, input_total, "in_uncached")
    counts |= _leaves(raw, "completion_tokens_details", _OUTPUT_DETAILS, output_total, "out_text")
    return Usage(counts=counts, input_total=input_total, output_total=output_total, raw=raw)


def read_tier(raw: Mapping[str, Any]) -> str | None:
    """The service tier that an answer, or an event of one, says it was billed in: beside the usage,
    or in it. None when it says nothing; what is no word is a tier that has no prices."""
    usage = raw.get("usage")
    said = raw.get("service_tier")
    if said is None and isinstance(usage, Mapping):
        said = usage.get("service_tier")
    return None if said is None else tier_of(str(said))


def after(before: Usage | None, now: Reported, *, is_final: bool) -> Reported:
    """What holds when `now` is reported after `before`. Some providers count as they go, so the
    later word holds unless it takes tokens back; after the final one (`is_final`) all is said."""
    usage = now.usage
    if before is None or usage is None:
        return now if usage or now.contested else Reported(before, now.problem)
    grew = usage.input_total >= before.input_total and usage.output_total >= before.output_total
    if usage.counts == before.counts or (grew and not is_final):
        return now
    said = [f"{one.input_total} + {one.output_total}" for one in (before, usage)]
    problem = f"usage was reported twice: {said[0]} tokens, then {said[1]}"
    return Reported(problem=problem, contested=Contested(problem, [before.raw, usage.raw]))


def reported_total(raw: object) -> tuple[int, int] | None:
    """Input and output of contested numbers if one trusts their totals and no details: of several
    reports the highest, and whatever `total_tokens` has beyond both counts as output. None when
    there is no total to trust."""
    if isinstance(raw, list):
        found = [reported_total(one) for one in raw]
        totals = [total for total in found if total is not None]
        return max(totals, key=sum, default=None) if len(totals) == len(found) else None
    if not isinstance(raw, Mapping):
        return None
    try:
        input_total, total = _required(raw, "prompt_tokens"), _count(raw, "total_tokens")
        output_total = _count(raw, "completion_tokens")
    except UsageConflict:
        return None
    if output_total is None and total is None:
        return None
    return input_total, max(output_total or 0, (total or 0) - input_total)


def _leaves(
    raw: Mapping[str, Any], key: str, names: Mapping[str, str], total: int, rest: str
) -> dict[str, int]:
    """Named classes inside `total`, and what remains under the name `rest`."""
    details = raw.get(key)
    if details is None:
        details = {}
    if not isinstance(details, Mapping):
        raise UsageConflict(f"{key} is not an object")
    leaves = {leaf: _count(details, name) or 0 for name, leaf in names.items()}
    remainder = total - sum(leaves.values())
    if remainder < 0:
        raise UsageConflict(f"{key} add up to more than {total}")
    return {leaf: count for leaf, count in {rest: remainder, **leaves}.items() if count}


def _required(raw: Mapping[str, Any], key: str) -> int:
    value = _count(raw, key)
    if value is None:
        raise UsageConflict(f"{key} is missing")
    return value


def _count(raw: Mapping[str, Any], key: str) -> int | None:
    value = raw.get(key)
    if value is None:
        return None
    # `type` and not `isinstance`: True is an int in Python, but not a number of tokens.
    if type(value) is not int or not 0 <= value <= MAX_TOKENS:
        raise UsageConflict(f"{key} is not a number of tokens: {value!r:.40}")
    return value
