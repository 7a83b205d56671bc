"""A pipeline over the real Postgres, Valkey and a faulty upstream over real HTTP."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.access.snapshot import caller_of
from apps.core.clock import now
from apps.core.ids import uuid7
from apps.core.redis import client
from apps.gateway.runtime import Runtime
from apps.gateway.types import CacheMode, Call, CallOutcome, CallSpec
from tests.factories import make_model, make_priced_deployment, make_provider, make_service


@pytest.fixture
def clean_redis() -> None:
    client().flushdb()


@pytest.fixture
def runtime(transactional_db: None, clean_redis: None) -> Iterator[Runtime]:
    """A runtime whose configuration is re-read by `call_pipeline` before each call."""
    runtime = Runtime()
    runtime.start()
    yield runtime
    runtime.stop(grace_seconds=5)


@pytest.fixture
def shop(transactional_db: None, upstream: Any) -> Any:
    """A service, and the model “small” at the faulty upstream: 1 and 2 pico-dollars a token."""
    provider = make_provider(upstream.url, slug="faulty")
    model = make_model("small")
    make_priced_deployment(
        provider=provider, model=model, slug="small-1", input_pico=1, output_pico=2
    )
    return make_service("shop")


Calls = Callable[..., CallOutcome]


@pytest.fixture
def call_pipeline(runtime: Runtime, shop: Any) -> Calls:
    """Run one call through the pipeline and give its outcome, or raise `CallRefused`."""

    def run(
        text: str = "hello there", seconds: float = 20, service: Any = None, **values: Any
    ) -> Any:
        spec = {"model": "small", "messages": ({"role": "user", "content": text},), **values}
        spec["cache"] = CacheMode(spec.get("cache", "use"))
        return run_calls(runtime, [make_call(service or shop, CallSpec(**spec), seconds)])[0]

    return run


def make_call(service: Any, spec: CallSpec, seconds: float = 20, **values: Any) -> Call:
    return Call(
        spec=spec,
        caller=caller_of(service),
        request_id=f"req_{uuid7().hex}",
        deadline=now() + timedelta(seconds=seconds),
        **values,
    )


def run_calls(runtime: Runtime, calls: list[Call], *, raising: bool = True) -> list[Any]:
    """All at once; results in order. With `raising=False` refusals stand among the results."""

    async def gather() -> list[Any]:
        work = (runtime.pipeline.run(call) for call in calls)
        return await asyncio.gather(*work, return_exceptions=not raising)

    runtime.config.refresh()
    return asyncio.run_coroutine_threadsafe(gather(), runtime.loop).result(timeout=120)
