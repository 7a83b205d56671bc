"""An attempt loop whose providers follow a script, in a time that passes as fast as it is counted.

Books and providers are stand-ins, because thousands of calls with seconds of waiting are asked of
the loop; `test_failing_providers.py` shows the same over HTTP and Postgres.
"""

import asyncio
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

from apps.access.types import Caller, TierLimits
from apps.budgets.types import Held
from apps.gateway import attempt_loop, dispatch
from apps.gateway.attempt_loop import AttemptLoop, Run
from apps.gateway.prepare import Prepared
from apps.gateway.tasks import Tasks
from apps.gateway.types import Call, CallRefused, CallSpec, Spent
from apps.gateway.windows import Sizes
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.types import ChatResult
from apps.registry.types import DeploymentFacts
from apps.routing.health import Health, Permit
from apps.routing.types import Option, Pool, Strategy

START = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = CallSpec(model="m", messages=({"role": "user", "content": "hi"},))
CALLER = Caller(1, "shop", "team", "cc", TierLimits("free", 0, 0, 0))
BODY = {"choices": [{"message": {"content": "Hi!"}, "finish_reason": "stop"}]}
ANSWER = ChatResult(BODY["choices"][0]["message"], (), "stop", "m", None, None, "", BODY)


@dataclass(frozen=True, slots=True)
class Move:
    """What a provider does with one request: after `seconds` it answers, or fails with `kind`."""

    seconds: float
    kind: ErrorKind | None = None
    retry_after: float | None = None


@dataclass(slots=True)
class Sent:
    deployment: str
    at: float
    ended: float = 0
    error: ProviderError | None = None
    answered: bool = False


class _Jump(selectors.DefaultSelector):
    """Where others wait, the clock is moved on."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if not events:
            assert timeout is not None, "Everybody waits for something that will not come."
            self.now += timeout
        return events


class FastLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.clock = _Jump()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now


@dataclass(slots=True)
class Stage:
    """Books, providers and observer of one call; what they saw."""

    loop: FastLoop
    script: Iterator[Move]
    hold_seconds: float
    sent: list[Sent] = field(default_factory=list)
    admitted: list[Any] = field(default_factory=list)
    settled: list[Any] = field(default_factory=list)  # ids of attempts
    ends: list[Any] = field(default_factory=list)  # settlements
    outcome: Any = None
    current: Any = field(default_factory=lambda: SimpleNamespace(budgets=()))

    async def admit(self, admission: Any) -> Held:
        await asyncio.sleep(self.hold_seconds)
        self.admitted.append(admission.start.id)
        return Held(admission.start.id, ())

    async def settle(self, item: Any) -> tuple[Spent, Any]:
        self.settled.append(item.end.attempt_id)
        self.ends.append(item)
        return Spent(1), item.outcome

    async def chat(self, endpoint: Any, request: Any) -> ChatResult:
        sent, move = Sent(endpoint.deployment, self.loop.time()), next(self.script)
        self.sent.append(sent)
        try:
            await asyncio.sleep(min(move.seconds, request.timeout))
            if move.seconds >= request.timeout:
                raise ProviderError(ErrorKind.TIMEOUT, "Too slow.")
            if move.kind:
                raise ProviderError(move.kind, "As told.", retry_after=move.retry_after)
        except ProviderError as error:
            sent.error = error
            raise
        finally:
            sent.ended = self.loop.time()
        sent.answered = True
        return ANSWER

    def began(self, deployment: DeploymentFacts) -> None: ...

    def observe(self, deployment: DeploymentFacts, **result: Any) -> None: ...


class Unlearning(Health):
    """Nobody ever rests: what rests is `tests/routing/test_health.py`'s, here it is the plan's."""

    def ended(self, permit: Permit, **result: Any) -> None: ...


class Hurried(Unlearning):
    """Everybody is late after so many seconds; the budget says yes and no as told."""

    def __init__(self, after: float, budget: Iterator[bool]) -> None:
        super().__init__()
        self.after, self.budget, self.asked = after, budget, 0

    def late_after(self, deployment: DeploymentFacts) -> float:
        return self.after

    def may_hedge(self, deployment: DeploymentFacts) -> bool:
        granted = next(self.budget)
        self.asked += granted
        return granted


@dataclass(frozen=True, slots=True)
class Played:
    stage: Stage
    ended: float
    refusal: CallRefused | None = None
    left: bool = False


def play(
    deployments: list[DeploymentFacts],
    script: list[Move],
    *,
    deadline: float,
    repeat_unknown: bool = True,
    hold_seconds: float = 0.0,
    leaves_after: float | None = None,
    hedging: Health | None = None,
) -> Played:
    """One call against the script; all times in seconds from its start. `hedging`: what says when
    an answer is late, on a route that hedges."""
    loop = FastLoop()
    stage = Stage(loop, iter(script), hold_seconds)
    work = _answer(stage, deployments, deadline, repeat_unknown, hedging)
    try:
        with _scripted(stage):
            return loop.run_until_complete(_played(stage, work, leaves_after))
    finally:
        loop.close()


async def _played(stage: Stage, work: Any, leaves_after: float | None) -> Played:
    task = asyncio.ensure_future(work)
    if leaves_after is not None:
        stage.loop.call_later(leaves_after, task.cancel)
    try:
        await task
    except CallRefused as refusal:
        return Played(stage, stage.loop.time(), refusal)
    except asyncio.CancelledError:
        return Played(stage, stage.loop.time(), left=True)
    return Played(stage, stage.loop.time())


async def _answer(
    stage: Any,
    deployments: list[DeploymentFacts],
    deadline: float,
    repeat_unknown: bool,
    hedging: Health | None,
) -> None:
    tasks, health = Tasks(), hedging or Unlearning()
    loop = AttemptLoop(config=stage, books=stage, tasks=tasks, observer=stage, health=health)
    call = Call(SPEC, CALLER, "req_1", START + timedelta(seconds=deadline))
    options = tuple(Option(deployment) for deployment in deployments)
    pool = Pool("m", Strategy.PRIORITY, options, hedge=hedging is not None)
    sizes = Sizes(SPEC.messages, (), {}, cap=100, field="/messages")
    prepared = Prepared(
        SPEC,
        CALLER,
        None,
        None,
        SPEC.messages,
        {},
        pool,
        10,
        100,
        "max_tokens",
        repeat_unknown,
        sizes,
    )
    try:
        stage.outcome = await loop.answer(Run(call, prepared, None), pool.deployments)
    finally:
        await asyncio.shield(tasks.drain(60))


@contextmanager
def _scripted(stage: Stage) -> Iterator[None]:
    def now() -> datetime:
        return START + timedelta(seconds=stage.loop.time())

    # Minutes pass in milliseconds here, which no real upstream can follow. The loop, its plan and
    # its tasks are the real ones; only time and the wire are the script's. Real HTTP is in
    # `test_failing_providers.py`.
    with (
        mock.patch.object(attempt_loop, "clock_now", now),
        mock.patch.object(dispatch, "get_adapter", return_value=stage),
    ):
        yield
