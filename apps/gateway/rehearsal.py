"""What an example request would be sent to now, and why. Calls nobody, changes nothing."""

from dataclasses import dataclass
from datetime import datetime

from apps.access.types import Caller
from apps.gateway.config import Config
from apps.gateway.deciding import decide
from apps.gateway.hedging import with_hedge
from apps.gateway.prepare import prepare
from apps.gateway.types import CallKind, CallSpec
from apps.routing.health import Health
from apps.routing.loads import Loads
from apps.routing.strategies import Router
from apps.routing.types import Decision

_TOOL = {"type": "function", "function": {"name": "example", "parameters": {"type": "object"}}}


@dataclass(frozen=True, slots=True)
class Example:
    """A request as far as routing looks at it. `input_tokens` are thought of as four bytes each."""

    model: str
    input_tokens: int = 500
    output_cap: int | None = None
    embedding: bool = False
    tools: bool = False
    json_schema: bool = False
    region: str = ""
    tags: tuple[str, ...] = ()


def rehearse(
    example: Example,
    *,
    caller: Caller,
    config: Config,
    loads: Loads,
    health: Health,
    now: datetime,
) -> Decision:
    """Raises `CallRefused` when nobody may answer it."""
    prepared = prepare(_spec(example), config=config, caller=caller, request_id="rehearsal")
    router = Router(loads=loads)
    decided = decide(prepared, config=config, router=router, loads=loads, now=now, rehearse=True)
    rests = health.resting(decided.deployments)
    decision = decided.without({slug: str(rest) for slug, rest in rests.items()})
    return with_hedge(decision, prepared.pool, health)


def _spec(example: Example) -> CallSpec:
    text = "four" * example.input_tokens
    parameters: dict[str, object] = {}
    if example.output_cap is not None and not example.embedding:
        parameters["max_tokens"] = example.output_cap
    if example.tools:
        parameters["tools"] = [_TOOL]
    return CallSpec(
        kind=CallKind.EMBEDDING if example.embedding else CallKind.CHAT,
        model=example.model,
        messages=() if example.embedding else ({"role": "user", "content": text},),
        inputs=(text,) if example.embedding else (),
        parameters=parameters,
        response_schema={"type": "object"} if example.json_schema else None,
        region=example.region,
        context=example.tags,
    )
