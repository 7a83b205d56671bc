import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from apps.providers.adapters import close_adapters
from apps.providers.types import Endpoint
from tests.fakes.fixtures import Upstream
from tests.providers.calls import KEY, Run


@pytest.fixture
def run() -> Run:
    """Run a coroutine on a loop of its own and close its connections afterwards."""

    async def closing(coroutine: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await coroutine
        finally:
            await close_adapters()

    return lambda coroutine: asyncio.run(closing(coroutine))


@pytest.fixture
def endpoint(upstream: Upstream) -> Endpoint:
    return Endpoint("main", "compatible", upstream.url, KEY, "fake-chat")
