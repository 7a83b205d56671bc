"""A provider dies under load: who is still answered, what is still sent, how fast all is refused.

Run `python -m bench.dead_providers [--rate 20] [--seconds 60]`. It starts a Postgres and a Valkey
of its own (without fsync), a fake upstream and one gateway process, all on loopback. Calls come at
an even rate whatever their predecessors do. First the first of two deployments answers 500 to
everything, then both do. The upstream's log says what was really sent.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Ended:
    """A call's status, whether it names a time to come back, and its milliseconds."""

    status: int
    retry_after: bool
    ms: float


def main() -> None:
    options = _options()
    from llmplatform.embedded.testing import throw_away_stack

    with throw_away_stack() as environment:
        os.environ.update(environment)
        with _gateway() as (url, key, upstream):
            for dead in (("first",), ("first", "second")):
                upstream.reset()
                for model in dead:
                    upstream.behave(model=model, status=500)
                ended = asyncio.run(_load(url, key, options))
                _report(dead, ended, upstream.log(), options)


async def _load(url: str, key: str, options: argparse.Namespace) -> list[Ended]:
    started, calls = time.monotonic(), []
    for number in range(int(options.rate * options.seconds)):
        await asyncio.sleep(max(0.0, started + number / options.rate - time.monotonic()))
        calls.append(asyncio.create_task(_call(url, key, number)))
    return await asyncio.gather(*calls)


async def _call(url: str, key: str, number: int) -> Ended:
    messages = [{"role": "user", "content": f"Tell me story {number} of {time.time_ns()}."}]
    body = json.dumps({"model": "small", "messages": messages, "cache": "bypass"}).encode()
    host, port = urlsplit(url).hostname, urlsplit(url).port
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
    head += f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
    answer = await reader.read()
    writer.close()
    ms = 1000 * (time.monotonic() - begun)
    return Ended(int(answer.split()[1]), b"\nretry-after:" in answer.lower(), ms)


def _report(
    dead: tuple[str, ...], ended: list[Ended], log: list[dict[str, Any]], options: Any
) -> None:
    sent = Counter(entry["model"] for entry in log)
    answered = sum(each.status == 200 for each in ended)
    refused = [each for each in ended if each.status != 200]
    print(f"dead: {', '.join(dead)}; {len(ended)} calls, {options.rate} a second")
    print(f"  answered        {answered} ({100 * answered / len(ended):.2f} %)")
    print(f"  statuses        {dict(Counter(each.status for each in ended))}")
    print(f"  sent            {dict(sent)}")
    print(f"  amplification   {len(log) / len(ended):.3f} requests sent a call")
    print(f"  took            {_quantiles([each.ms for each in ended])}")
    if refused:
        told = sum(each.retry_after for each in refused)
        print(f"  refused         {len(refused)}, {told} of them with Retry-After")
        print(f"  took            {_quantiles([each.ms for each in refused])}")


def _quantiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else [0.0] * 99
    return f"p50 {cuts[49]:.1f}  p95 {cuts[94]:.1f}  p99 {cuts[98]:.1f}  most {max(values):.1f} ms"


@contextmanager
def _gateway() -> Iterator[tuple[str, str, Any]]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.factories import (
        make_key,
        make_model,
        make_priced_deployment,
        make_provider,
        make_service,
    )
    from tests.fakes.fixtures import running_upstream
    from tests.servers import served_by

    with running_upstream() as upstream:
        provider, model = make_provider(upstream.url), make_model("small")
        for priority, name in enumerate(("first", "second"), start=1):
            make_priced_deployment(
                provider=provider, model=model, slug=name, upstream_name=name, priority=priority
            )
        key = make_key(make_service("bench"))
        with served_by("asgi", "llmplatform.asgi:application", LOG_LEVEL="WARNING") as (url, _):
            yield url, key, upstream


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
