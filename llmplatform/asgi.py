"""ASGI entry of the `gateway` process: `/v1/*`, health and metrics. Nothing else is served here, so
that no synchronous middleware and no Django handler stands in the way of a call."""

import gc
import os
import resource
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
django.setup()

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # noqa: E402 - after setup

from apps.core import health  # noqa: E402
from apps.core.database_waits import bound_waits  # noqa: E402
from apps.core.threads import in_thread  # noqa: E402
from apps.gateway.openai_api import http  # noqa: E402
from apps.gateway.openai_api.app import OpenAIApp  # noqa: E402
from apps.gateway.runtime import Runtime  # noqa: E402

bound_waits(seconds=5)  # what a call asks takes milliseconds
runtime = Runtime()
openai_app = OpenAIApp(runtime)


async def application(scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["path"].startswith("/health/"):
        await _health(scope, send)
    elif scope["path"] == "/metrics":
        await _metrics(send)
    else:
        await openai_app(scope, receive, send)


async def _lifespan(receive: http.Receive, send: http.Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _allow_many_connections()
            await runtime.open()
            _collect_rarely()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await runtime.close()
            await send({"type": "lifespan.shutdown.complete"})
            return


def _allow_many_connections() -> None:
    """A stream holds two connections; the usual soft limit of 1024 files ends at 500 streams."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _collect_rarely() -> None:
    """What start-up made lives as long as the process: the collector need not walk over it each
    time. Nor every few hundred requests over all open streams, which stopped the loop for half a
    second with 1,500 of them (`bench/streams.py`, docs/adr/0041)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _health(scope: http.Scope, send: http.Send) -> None:
    if scope["path"] != "/health/ready":
        await http.send_json(send, 200, {"status": "ok"}, {})
        return
    is_ready, report = await in_thread(health.readiness)
    body: dict[str, Any] = {"status": "ok" if is_ready else "unavailable", "checks": report}
    await http.send_json(send, 200 if is_ready else 503, body, {})


async def _metrics(send: http.Send) -> None:
    body = generate_latest()
    await http.send_json(send, 200, body, {"content-type": CONTENT_TYPE_LATEST})
