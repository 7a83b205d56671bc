"""Tokens and cost of messages, at the deployment that a call would try first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.core.money import Pico
from apps.gateway.config import Config
from apps.gateway.counting import count_chat, extra_tokens, message_tokens
from apps.ledger.ceilings import ceiling
from apps.ledger.pricing import Unpriced, price_usage
from apps.playground.types import Figures
from apps.registry.tokens import ByRatio, Counter, counter_of
from apps.registry.types import DeploymentFacts
from apps.routing.selection import pool_of
from apps.routing.types import NoSuchModel

COUNTED = 60_000  # bytes of messages that are counted; a page must not wait for more
ESTIMATE = ByRatio(4.0)


class NoFigures(LookupError):
    """Nobody would answer; the message says why."""


def deployment_of(model: str, config: Config) -> DeploymentFacts:
    """Raises `NoFigures`."""
    try:
        pool = pool_of(model, registry=config.registry, routes=config.routes)
    except NoSuchModel as error:
        raise NoFigures(str(error)) from error
    usable = [one for one in pool.deployments if one.active and one.model.kind == "chat"]
    if not usable:
        raise NoFigures(f"No deployment of “{model}” is switched on for chat.")
    return usable[0]


def without_tools(config: Config) -> set[str]:
    """Models and routes of which nobody can call tools."""
    models = {slug for slug, model in config.registry.models.items() if not model.supports_tools}
    return models | {
        slug
        for slug, route in config.routes.items()
        if not any(
            config.registry.deployments[target.deployment].model.supports_tools
            for target in route.targets
        )
    }


def counter_for(deployment: DeploymentFacts, size: int) -> Counter:
    """The model's own, or an estimate for `size` bytes that are too many to count."""
    return counter_of(deployment.model) if size <= COUNTED else ESTIMATE


def tokens_of_tool(function: Mapping[str, Any], counter: Counter) -> int:
    tool = {"type": "function", "function": function}
    return extra_tokens({"tools": [tool]}, counter=counter)


def tokens_of(message: Mapping[str, Any], counter: Counter) -> int:
    return message_tokens(message, counter=counter)


def figures(
    *,
    messages: Sequence[Mapping[str, Any]],
    parameters: Mapping[str, Any],
    schema: Mapping[str, Any] | None,
    tools: Sequence[Any],
    deployment: DeploymentFacts,
    counter: Counter,
    at: datetime,
) -> Figures:
    """What sending `messages` takes."""
    sent = _sent(parameters, schema, tools)
    tokens = count_chat(messages, sent, counter).likely
    at_most = tokens + deployment.input_overhead_tokens
    cap = _cap(parameters) or deployment.model.max_output_tokens
    prices = deployment.prices_at(at)
    return Figures(
        model=deployment.model.slug,
        deployment=deployment.slug,
        tokens=tokens,
        exact=counter.exact,
        tokens_at_most=at_most,
        window=deployment.model.context_window,
        output_cap=cap,
        input_pico=_input_cost(tokens, prices),
        at_most_pico=_at_most(at_most, cap, prices),
    )


def _input_cost(tokens: int, prices: Any) -> Pico | None:
    try:
        return price_usage(counts={"in_uncached": tokens}, prices=prices).amount_pico
    except Unpriced:
        return None


def _at_most(tokens: int, cap: int, prices: Any) -> Pico | None:
    try:
        return ceiling(input_tokens=tokens, answers=True, prices=prices).of(cap)
    except Unpriced:
        return None


def _cap(parameters: Mapping[str, Any]) -> int:
    found = parameters.get("max_completion_tokens", parameters.get("max_tokens"))
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def _sent(
    parameters: Mapping[str, Any], schema: Mapping[str, Any] | None, tools: Sequence[Any]
) -> dict[str, Any]:
    sent = {**parameters, "tools": tools} if tools else dict(parameters)
    if schema is None:
        return sent
    wrapped = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return {**sent, "response_format": wrapped}
