"""One gateway process is flooded by callers of one tier: what do those of a dearer one notice?

Run `python -m bench.flood [--callers 300] [--seconds 15]`. It starts a Postgres and a Valkey of its
own (without fsync), a fake upstream and one gateway process, all on loopback. Twice: first both
tiers are equally important, then premium is more so. Standard callers ask again at once when they
were answered, and after the time they were told when they were refused.
"""

import argparse
import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.heard import wait_until_heard

PREMIUM_CALLERS = 5
PAUSE = 0.1  # seconds between two calls of a premium caller


@dataclass
class Heard:
    """What callers of one tier heard: statuses, and the milliseconds of each answer and refusal."""

    statuses: Counter[int] = field(default_factory=Counter)
    ms: dict[int, list[float]] = field(default_factory=dict)
    without_retry_after: int = 0

    def add(self, status: int, ms: float, retry_after: float | None) -> None:
        self.statuses[status] += 1
        self.ms.setdefault(status, []).append(ms)
        self.without_retry_after += status != 200 and retry_after is None

    def percentile(self, percent: int, status: int = 200) -> float:
        ordered = sorted(self.ms.get(status, [])) or [float("nan")]
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def flood(
    url: str, keys: dict[str, str], *, callers: int, seconds: float, warm_up: float = 0
) -> dict[str, Heard]:
    """`callers` with the key `standard`, five unhurried ones with `premium`. What began within
    `warm_up` seconds, before the process has found its measure, is not counted."""
    begun = time.monotonic()
    heard = {tier: Heard() for tier in keys}

    async def caller(tier: str, pause: float) -> None:
        while (since := time.monotonic() - begun) < seconds:
            status, ms, retry_after = await _call(url, keys[tier])
            if since >= warm_up:
                heard[tier].add(status, ms, retry_after)
            await asyncio.sleep(pause if status == 200 else retry_after or 1)

    standard = (caller("standard", 0) for _ in range(callers))
    premium = (caller("premium", PAUSE) for _ in range(PREMIUM_CALLERS))
    await asyncio.gather(*standard, *premium)
    return heard


async def _call(url: str, key: str) -> tuple[int, float, float | None]:
    body = json.dumps(
        {
            "model": "small",
            "messages": [{"role": "user", "content": f"Story {time.time_ns()}."}],
            "cache": "bypass",
        }
    ).encode()
    host, port = urlsplit(url).hostname, urlsplit(url).port
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
    head += f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
    answer = await reader.read()
    writer.close()
    headers = answer.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    told = [line for line in headers if line.startswith(b"retry-after:")]
    retry_after = float(told[0].partition(b":")[2]) if told else None
    return int(answer.split()[1]), 1000 * (time.monotonic() - begun), retry_after


def main() -> None:
    options = _options()
    from llmplatform.embedded.testing import throw_away_stack

    with throw_away_stack() as environment:
        os.environ.update(environment)
        with _gateway() as (url, keys, rank):
            for importance in (0, 1):
                rank(importance)
                load = flood(url, keys, callers=options.callers, seconds=options.seconds, warm_up=5)
                _report(importance, asyncio.run(load))


def _report(importance: int, heard: dict[str, Heard]) -> None:
    print(f"importance of premium: {importance}, of standard: 0")
    for tier, each in heard.items():
        print(f"  {tier:9} {dict(each.statuses)}")
        print(
            f"    answered after ms  p50 {each.percentile(50):.0f}  p99 {each.percentile(99):.0f}"
        )
        print(f"    refused after ms   p50 {each.percentile(50, 503):.0f}")


@contextmanager
def _gateway() -> Iterator[tuple[str, dict[str, str], Any]]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from apps.access.models import Tier
    from tests.factories import (
        make_key,
        make_model,
        make_priced_deployment,
        make_provider,
        make_service,
        make_tier,
    )
    from tests.fakes.fixtures import running_upstream
    from tests.servers import served

    with running_upstream() as upstream:
        make_priced_deployment(provider=make_provider(upstream.url), model=make_model("small"))
        keys = {
            tier: make_key(make_service(tier, tier=make_tier(slug=tier)))
            for tier in ("standard", "premium")
        }
        with served("asgi", "llmplatform.asgi:application", LOG_LEVEL="ERROR") as url:

            def rank(importance: int) -> None:
                Tier.objects.filter(slug="premium").update(importance=importance)
                wait_until_heard(url)

            yield url, keys, rank


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=300, help="of the tier standard")
    parser.add_argument("--seconds", type=float, default=15.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
