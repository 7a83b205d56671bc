"""Which candidates have room for a request in their context windows, before anything is spent.

Bytes bound the tokens, so what fits in bytes is never counted. A count by the model's own
tokenizer refuses; an estimate only chooses among several candidates.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from apps.gateway import bounds, refusals
from apps.gateway.counting import Count, count_chat, count_input
from apps.gateway.types import CallRefused
from apps.registry.tokens import counter_of, counts_at_once
from apps.registry.types import DeploymentFacts
from apps.routing import selection
from apps.routing.types import Need, Option, Pool, Skip

COUNTED_HERE = 16_384  # bytes; more is counted in a thread, so that an event loop goes on


class MustCount(Exception):
    """The request is long, or a tokenizer isn't loaded: prepare it in a thread."""


@dataclass
class Sizes:
    """What a request asks of a window, by candidate; counted once for each tokenizer."""

    messages: Sequence[Mapping[str, Any]]
    inputs: Sequence[Any]
    parameters: Mapping[str, Any]
    cap: int | None  # tokens of the answer at most; None: the caller left it open
    field: str  # the part of the request that is to be shortened
    may_count: bool = True
    _known: dict[tuple[str, float | None], Count] = dataclasses.field(
        default_factory=dict, init=False
    )

    @cached_property
    def bound(self) -> int:
        """Tokens of the input at most, by its bytes."""
        return bounds.input_bound(
            messages=self.messages, inputs=self.inputs, parameters=self.parameters
        )

    def room(self, deployment: DeploymentFacts) -> int:
        """Tokens of input that fit beside the answer."""
        model, reserve = deployment.model, self.cap
        if reserve is None:
            reserve = min(model.max_output_tokens, model.context_window // 4)
        return model.context_window - reserve - deployment.input_overhead_tokens

    def of(self, deployment: DeploymentFacts, *, within: int | None = None) -> Count:
        """Not counted when its bytes show that it is `within` (by default the room that there is).
        Raises `MustCount`."""
        enough = self.room(deployment) if within is None else within
        if self.bound <= enough:
            return Count(certain=0, likely=bounds.likely_tokens(self.bound))
        by = (deployment.model.tokenizer, deployment.model.bytes_per_token)
        if by not in self._known:
            self._known[by] = self._count(deployment)
        return self._known[by]

    def likely_input(self, deployment: DeploymentFacts) -> int:
        """Tokens of all that is sent, counted in any case: for a person who asks."""
        counter = counter_of(deployment.model)
        if self.inputs:
            return sum(count_input(item, counter).likely for item in self.inputs)
        return count_chat(self.messages, self.parameters, counter).likely

    def output_cap(self, deployment: DeploymentFacts) -> int:
        """The cap that is sent when the caller gave none: what the model can answer, and what is
        left of the window. The byte bound overstates the input about fourfold, so without a count
        at least a quarter of the window is offered."""
        count, model = self.of(deployment), deployment.model
        left = max(model.context_window - self.bound, model.context_window // 4)
        if count.certain:
            left = model.context_window - count.likely - deployment.input_overhead_tokens
        return max(1, min(model.max_output_tokens, left))

    def _count(self, deployment: DeploymentFacts) -> Count:
        if not self.may_count and (
            self.bound > COUNTED_HERE or not counts_at_once(deployment.model)
        ):
            raise MustCount
        counter = counter_of(deployment.model)
        if not self.inputs:
            return count_chat(self.messages, self.parameters, counter)
        counts = [count_input(item, counter) for item in self.inputs]
        return max(counts, key=lambda count: count.likely)  # each has a window of its own


def with_room(pool: Pool, sizes: Sizes) -> Pool:
    """Without those whose window is certainly too small, and without those where it likely is
    unless nobody else is left; when none has room, with those that stand in for long requests.
    Raises `CallRefused` when it can fit nowhere, and `MustCount`."""
    able = selection.keep(pool, partial(_too_small, sizes))
    wanted = 1 if sizes.cap is None else sizes.cap
    likely = selection.too_small(input_tokens=lambda d: sizes.of(d).likely, output_cap=wanted)
    roomy = selection.keep(able, likely)
    for found in (roomy, roomy.stood_in(Need.TOO_LONG), able, able.stood_in(Need.TOO_LONG)):
        if found.options:
            return found
    raise _refusal(pool, sizes)


def _refusal(pool: Pool, sizes: Sizes) -> CallRefused:
    largest = max(pool.for_long, key=lambda deployment: deployment.model.context_window)
    return refusals.too_long(
        tokens=sizes.of(largest).certain,
        cap=sizes.cap,
        window=largest.model.context_window,
        model=largest.model.slug,
        field=sizes.field,
    )


def _too_small(sizes: Sizes, option: Option) -> Skip | None:
    count, window = sizes.of(option.deployment), option.deployment.model.context_window
    wanted = 1 if sizes.cap is None else sizes.cap
    if not count.certain or count.certain + wanted <= window:
        return None
    detail = f"{count.certain} tokens and an answer of {wanted} do not fit its window of {window}"
    return Skip(option.deployment.slug, "window", detail)
