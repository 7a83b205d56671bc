"""Database work from an event loop."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Run ORM code off the loop; the helper thread's connection is closed afterwards.

    For rare reads. What happens on every call goes through a batcher instead.
    """

    def run() -> Result:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)
