"""Who gives up aborts the provider's call at most; what was sent is booked in any case."""

import asyncio

import pytest

from apps.budgets.models import Hold
from apps.gateway.types import CallSpec
from apps.ledger.models import Attempt, Entry
from tests.gateway.conftest import make_call


def start(runtime, shop):
    spec = CallSpec(model="small", messages=({"role": "user", "content": "a long story"},))
    runtime.config.refresh()
    return asyncio.run_coroutine_threadsafe(
        runtime.pipeline.run(make_call(shop, spec)), runtime.loop
    )


def test_an_aborted_call_is_booked_as_unknown(runtime, shop, upstream):
    upstream.behave(hang="before_headers")
    future = start(runtime, shop)
    upstream.wait_until(lambda report: report["in_flight"] == 1)

    future.cancel()
    upstream.wait_until(lambda report: report["in_flight"] == 0)
    asyncio.run_coroutine_threadsafe(runtime.tasks.drain(10), runtime.loop).result(timeout=20)

    attempt = Attempt.objects.get()
    assert (attempt.status, attempt.error_kind) == ("unknown", "cancelled")
    assert Entry.objects.get().kind == "estimate"


@pytest.mark.parametrize("turns", range(0, 40, 3))
def test_whenever_a_call_is_aborted_no_attempt_stays_open(runtime, shop, upstream, turns):
    """Aborted after so many turns of the event loop: before, inside and after the hold's commit."""
    runtime.config.refresh()
    spec = CallSpec(model="small", messages=({"role": "user", "content": "abort me"},))

    async def abort_after_turns():
        task = asyncio.create_task(runtime.pipeline.run(make_call(shop, spec)))
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runtime.tasks.drain(10)

    asyncio.run_coroutine_threadsafe(abort_after_turns(), runtime.loop).result(timeout=30)

    attempts = list(Attempt.objects.all())
    assert len(upstream.log()) <= len(attempts) <= 1
    assert all(attempt.status != "dispatched" for attempt in attempts)
    assert len(attempts) == Entry.objects.filter(kind__in=["charge", "estimate"]).count()
    held = Hold.objects.filter(status="held").count()
    assert held == sum(attempt.status == "unknown" for attempt in attempts)
