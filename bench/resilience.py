"""Providers die under load: who is still answered, what is still sent, how fast all is refused.

Run `python -m bench.resilience [--rate 20] [--seconds 60]`: P3, P4 and P6 of docs/proof.md as a
table; exit code 1 when a bar is missed. It starts a Postgres and a Valkey of its own (without
fsync), a fake upstream and a gateway process, all on loopback. Calls come at an even rate whatever
their predecessors do, and the upstream's log says what was really sent.

P3: the first of two deployments answers 500 to everything. P4: both do. P6: a gateway that gives
each call one second; half of the calls go to an upstream that answers after three, half to one
that answers 409, which is tried again, after 0.45 s.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

FIRST_REST = 5.0  # seconds, of a breaker: the shortest period in which probes are counted
KNOWN = 0.25  # seconds from the upstream's answer until a busy gateway has read it, at most
DEADLINE = 1.0  # seconds, in P6


@dataclass(frozen=True, slots=True)
class Ended:
    """A call's text, status, whether it names a time to come back, its milliseconds, and when the
    gateway began to read it: the time in the id that it gave it."""

    text: str
    status: int
    retry_after: bool
    ms: float
    received: float


@dataclass(frozen=True, slots=True)
class Bar:
    row: str
    what: str
    asked: str
    measured: str
    reached: bool


def main() -> None:
    options = _options()
    from llmplatform.embedded.testing import throw_away_stack

    before = os.getloadavg()[0]
    with throw_away_stack() as environment:
        os.environ.update(environment)
        with _upstream() as (key, upstream):
            bench = Bench(key, upstream, options)
            with _gateway() as url:
                bars = [*bench.one_dead(url), *bench.all_dead(url)]
            with _gateway(CALL_TIMEOUT_SECONDS=f"{DEADLINE:g}") as url:
                bars += bench.deadlines(url)
    for bar in bars:
        mark = "ok" if bar.reached else "MISSED"
        print(f"{bar.row}  {bar.what:34} {bar.asked:14} {bar.measured:36} {mark}")
    load = f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after, {os.cpu_count()} cores"
    print(f"{options.rate:g} calls a second for {options.seconds:g} s each; {load}")
    sys.exit(not all(bar.reached for bar in bars))


class Bench:
    def __init__(self, key: str, upstream: Any, options: argparse.Namespace) -> None:
        self._key, self._upstream = key, upstream
        self._rate, self._seconds = options.rate, options.seconds

    def one_dead(self, url: str) -> list[Bar]:
        """P3."""
        self._upstream.behave(model="first", status=500)
        ended, log = self._run(url, ["small"])
        answered = sum(each.status == 200 for each in ended)
        share = 100 * answered / len(ended)
        dead = [entry for entry in log if entry["model"] == "first"]
        most = most_in_a_period(_after_opening(dead))
        told = f"{answered} of {len(ended)}, {share:.2f} %"
        return [
            Bar("P3", "answered", "≥ 99.5 %", told, share >= 99.5),
            Bar(
                "P3",
                "probes of the dead one in 5 s",
                "≤ 3",
                f"{most}; {len(dead)} in all",
                most <= 3,
            ),
        ]

    def all_dead(self, url: str) -> list[Bar]:
        """P4. The first deployment is dead already; the second dies now."""
        self._upstream.behave(model="first", status=500)
        self._upstream.behave(model="second", status=500)
        ended, log = self._run(url, ["small"])
        refused = [each for each in ended if each.status == 503]
        told = sum(each.retry_after for each in refused)
        share = max(0, len(log) - 3) / len(ended)
        p50, p99 = percentiles([each.ms for each in ended])
        return [
            Bar(
                "P4",
                "requests sent a call",
                "≤ 1.1 (+ 3)",
                f"{share:.3f}; {len(log)} in all",
                share <= 1.1,
            ),
            Bar("P4", "503 with Retry-After", "all", f"{told} of {len(ended)}", told == len(ended)),
            Bar("P4", "refused, p99", "< 100 ms", f"{p99:.0f} ms; p50 {p50:.1f}", p99 < 100),
        ]

    def deadlines(self, url: str) -> list[Bar]:
        """P6."""
        self._upstream.behave(model="late", latency=3)
        self._upstream.behave(model="again", status=409, latency=0.45)
        ended, log = self._run(url, ["late", "again"])
        received = {each.text: each.received for each in ended}
        sent = [entry["at"] - received[_text(entry)] for entry in log]
        late = sum(seconds > DEADLINE for seconds in sent)
        _, p99 = percentiles([each.ms - 1000 * DEADLINE for each in ended])
        statuses = dict(Counter(each.status for each in ended))
        told = f"{late} of {len(log)}; the last at {max(sent):.3f} s"
        return [
            Bar("P6", "sent after the deadline of 1 s", "0", told, late == 0),
            Bar("P6", "overrun, p99", "< 250 ms", f"{p99:.0f} ms; {statuses}", p99 < 250),
        ]

    def _run(self, url: str, models: list[str]) -> tuple[list[Ended], list[dict[str, Any]]]:
        """All calls' ends, and what arrived at the upstream."""
        ended = asyncio.run(self._load(url, models))
        log = self._upstream.log()
        self._upstream.reset()
        return ended, log

    async def _load(self, url: str, models: list[str]) -> list[Ended]:
        started, calls = time.monotonic(), []
        for number in range(int(self._rate * self._seconds)):
            await asyncio.sleep(max(0.0, started + number / self._rate - time.monotonic()))
            model = models[number % len(models)]
            calls.append(asyncio.create_task(_call(url, self._key, model)))
        return await asyncio.gather(*calls)


async def _call(url: str, key: str, model: str) -> Ended:
    text = f"Tell me story {time.time_ns()}."
    messages = [{"role": "user", "content": text}]
    body = json.dumps({"model": model, "messages": messages, "cache": "bypass"}).encode()
    host, port = urlsplit(url).hostname, urlsplit(url).port
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
    head += f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    begun = time.monotonic()
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
    answer = await reader.read()
    writer.close()
    ms = 1000 * (time.monotonic() - begun)
    status, told = int(answer.split()[1]), b"\nretry-after:" in answer.lower()
    return Ended(text, status, told, ms, _received(answer))


def _received(answer: bytes) -> float:
    """The milliseconds with which a UUID of version 7 begins, as seconds."""
    found = re.search(rb"x-request-id: req_([0-9a-f]{12})", answer)
    assert found is not None, answer[:1000]
    return int(found[1], 16) / 1000


def _text(entry: dict[str, Any]) -> str:
    return str(entry["body"]["messages"][0]["content"])


def _after_opening(entries: list[dict[str, Any]]) -> list[float]:
    """When the requests were sent that began after the breaker knew of its fifth failure."""
    known = sorted(entry["finished_at"] for entry in entries)[4] + KNOWN
    return [entry["at"] for entry in entries if entry["at"] > known]


def most_in_a_period(times: list[float]) -> int:
    """The most of these times that lie within the shortest rest of a breaker."""
    return max((sum(0 <= at - start < FIRST_REST for at in times) for start in times), default=0)


def percentiles(values: list[float]) -> tuple[float, float]:
    """The 50th and the 99th."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]


@contextmanager
def _upstream() -> Iterator[tuple[str, Any]]:
    """A migrated database with a key and three models, and the fake upstream that they lead to."""
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

    with running_upstream() as upstream:
        provider, small = make_provider(upstream.url), make_model("small")
        models = {"first": small, "second": small}
        models |= {name: make_model(name) for name in ("late", "again")}
        for number, (name, model) in enumerate(models.items(), start=1):
            make_priced_deployment(
                provider=provider, model=model, slug=name, upstream_name=name, priority=number
            )
        yield make_key(make_service("bench")), upstream


@contextmanager
def _gateway(**environment: str) -> Iterator[str]:
    from tests.servers import served

    with served("asgi", "llmplatform.asgi:application", LOG_LEVEL="ERROR", **environment) as url:
        yield url


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=20.0, help="calls a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each of the three parts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
