"""What a call consumed, split into classes that add up.

Providers report overlapping numbers (OpenAI's `prompt_tokens` includes cached and audio tokens,
`completion_tokens` includes reasoning). Prices need classes that don't overlap, so the numbers
are taken apart once, here, and never again further up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.providers.counts import UsageConflict, count, required
from apps.providers.leaves import input_leaves, output_leaves, tool_calls
from apps.registry.tiers import DEFAULT_TIER, tier_of


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    `counts` holds disjoint classes, only those above zero: `in_uncached`, `in_cache_read`,
    `in_cache_write` (`_5m`, `_1h` where it is told how long the cache keeps them), `in_audio`,
    `in_image`, `out_text`, `out_reasoning`, `out_audio`, `out_image`. Its `in_*` add up to
    `input_total` and its `out_*` to `output_total`; beside them `web_search` counts searches.
    `raw` is what the provider sent. `service_tier` is the one that it was billed in, as the answer
    says.
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
    """Split a `usage` object in OpenAI's format, with the words that others add to it (`leaves`);
    raises `UsageConflict` when it isn't consistent.

    A missing `completion_tokens` is accepted only when `total_tokens` shows that nothing was
    generated (embeddings). An explicit zero is a zero, null is missing.
    """
    if not isinstance(raw, Mapping):
        raise UsageConflict("usage is not an object")
    read, said = input_leaves(raw), output_leaves(raw)
    input_total, output_total = _totals(raw, read.aside, said.aside)
    counts = _with_rest(read.counts, input_total, "in_uncached", "prompt_tokens_details")
    counts |= _with_rest(said.counts, output_total, "out_text", "completion_tokens_details")
    counts |= tool_calls(raw)
    return Usage(counts=counts, input_total=input_total, output_total=output_total, raw=raw)


def _totals(raw: Mapping[str, Any], aside: int, output_aside: int) -> tuple[int, int]:
    """Input and output as wholes. Whether the classes that some providers count aside are in them
    is told by `total_tokens` alone, to which they add up in one way."""
    read, total = required(raw, "prompt_tokens"), count(raw, "total_tokens")
    said = count(raw, "completion_tokens")
    if said is None:
        if total != read:
            raise UsageConflict("completion_tokens is missing")
        said = 0
    if total is None and aside:
        raise UsageConflict("no total_tokens to tell whether prompt_tokens has the cache in it")
    if total is None:
        return read, said
    ways = {(read + more, said + extra) for more in (0, aside) for extra in (0, output_aside)}
    true = [way for way in ways if sum(way) == total]
    if len(true) != 1:
        raise UsageConflict(f"total_tokens {total} is not {read} + {said}")
    return true[0]


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
        input_total, total = required(raw, "prompt_tokens"), count(raw, "total_tokens")
        output_total = count(raw, "completion_tokens")
    except UsageConflict:
        return None
    if output_total is None and total is None:
        return None
    return input_total, max(output_total or 0, (total or 0) - input_total)


def _with_rest(leaves: Mapping[str, int], total: int, rest: str, where: str) -> dict[str, int]:
    """The leaves inside `total`, and what remains under the name `rest`."""
    remainder = total - sum(leaves.values())
    if remainder < 0:
        raise UsageConflict(f"{where} add up to more than {total}")
    return {leaf: units for leaf, units in {rest: remainder, **leaves}.items() if units}
