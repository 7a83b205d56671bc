"""Between a prompt's own way to be shortened and the windows of those who may answer.

Nothing is left out while one candidate has room for everything, unless the prompt's author set a
limit of his own.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from apps.gateway import refusals
from apps.gateway.counting import THE_ANSWER, extra_tokens, message_tokens
from apps.gateway.types import FitReport
from apps.gateway.windows import Sizes
from apps.prompts.fitting import Fitted, fit
from apps.prompts.types import VersionFacts
from apps.registry.tokens import counter_of
from apps.routing.types import Pool


def fit_into(
    version: VersionFacts, values: Mapping[str, Any], pool: Pool, sizes: Sizes
) -> Fitted | None:
    """The shortened messages; None when all of it fits. Raises `CallRefused` when the author's
    limit cannot be kept, `VariableFaults`, and `MustCount`."""
    largest = max(pool.for_long, key=sizes.room)
    room = sizes.room(largest)
    limit = version.fit.get("max_input_tokens", room)
    allowed = min(room, limit)
    if sizes.of(largest, within=allowed).likely <= allowed:
        return None
    counter = counter_of(largest.model)
    fixed = THE_ANSWER + extra_tokens(sizes.parameters, counter=counter)
    fitted = fit(
        version,
        values,
        budget=allowed - fixed,
        tokens_of=partial(message_tokens, counter=counter),
        counter=counter,
    )
    if fitted.tokens + fixed > limit:
        raise refusals.over_prompts_limit(
            prompt=version.prompt, tokens=fitted.tokens + fixed, limit=limit
        )
    return fitted


def report_of(fitted: Fitted | None) -> FitReport | None:
    return FitReport(fitted.left_out, fitted.saved_tokens) if fitted else None
