"""Draining is in force within a second in a process that polls by itself; running calls end."""

import asyncio
import time

import pytest
from django.core.management import CommandError, call_command

from apps.gateway.types import CallSpec
from apps.ledger.models import Attempt
from apps.registry.models import Deployment
from tests.factories import make_priced_deployment, make_provider
from tests.gateway.conftest import make_call

KINDS = [("provider", "faulty"), ("deployment", "small-1")]


@pytest.fixture
def second(shop, upstream):
    model = Deployment.objects.get(slug="small-1").model
    make_priced_deployment(
        provider=make_provider(upstream.url), model=model, slug="small-2",
        upstream_name="small-second", priority=200,
    )  # fmt: skip


def start(runtime, shop, text):
    """As the gateway does: nobody refreshes the configuration but its own poll."""
    spec = CallSpec(model="small", messages=({"role": "user", "content": text},))
    return asyncio.run_coroutine_threadsafe(
        runtime.pipeline.run(make_call(shop, spec)), runtime.loop
    )


@pytest.mark.parametrize(("kind", "slug"), KINDS)
def test_new_calls_go_elsewhere_within_a_second_and_running_ones_end(
    runtime, shop, second, upstream, kind, slug
):
    runtime.config.refresh()
    upstream.behave(model="small", latency=3.0)
    running = start(runtime, shop, "running")
    while not Attempt.objects.filter(deployment="small-1", status="dispatched").exists():
        time.sleep(0.02)  # until it is under way

    call_command("drain", kind, slug)
    drained_at = time.monotonic()
    while any(d.active for d in facts(runtime) if d.slug == "small-1"):
        # 0.4 s between two polls; the rest is room for a busy machine
        assert time.monotonic() - drained_at < 5, "the configuration did not follow"
        time.sleep(0.02)

    assert start(runtime, shop, "new").result(timeout=20).deployment == "small-2"
    assert running.result(timeout=20).deployment == "small-1"


def facts(runtime):
    return runtime.config.current.registry.deployments.values()


def test_enabling_lets_calls_come_back(runtime, shop, second):
    call_command("drain", "model", "small")
    call_command("drain", "model", "small", "--enable")
    runtime.config.refresh()
    assert start(runtime, shop, "back").result(timeout=20).deployment == "small-1"


def test_what_does_not_exist_is_named(shop):
    with pytest.raises(CommandError, match="There is no deployment “nope”"):
        call_command("drain", "deployment", "nope")
