"""2,000 streams open at once on one gateway process: dropped, memory, what the gateway adds.

Run `python -m bench.streams [--streams 2000] [--words 12] [--pause 3] [--ramp 30]`. It starts a
Postgres and a Valkey of its own (without fsync), a fake upstream and one gateway process, all on
loopback. Streams are opened evenly over `ramp` seconds and all stay open until the last has begun:
words × pause must be longer than that. Each word of the upstream carries the time at which it was
sent and the time at which the request arrived there, so that what the gateway adds is measured on
each stream alone, whatever the load of the machine: the way in (authentication, hold and attempt
committed, a connection upstream) and the way out of each word.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import psutil


@dataclass(slots=True)
class Seen:
    """One stream: seconds on the way in, on the way out of each word; how it ended."""

    way_in: float = 0.0
    way_out: list[float] = field(default_factory=list)
    status: int = 0
    done: bool = False
    error: str = ""


def main() -> None:
    options = _options()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    from llmplatform.embedded.testing import throw_away_stack

    with throw_away_stack() as environment:
        os.environ.update(environment)
        with _gateway(options) as (url, key, upstream, pid):
            gateway = asyncio.run(Crowd(url, key, options, _workers(pid)).measure())
            witness = upstream.report()
        _report(gateway, witness, options)


class Crowd:
    """All clients, and what the gateway's process uses meanwhile."""

    def __init__(
        self, url: str, key: str, options: argparse.Namespace, processes: list[psutil.Process]
    ) -> None:
        self.address, self.key, self.options = urlsplit(url), key, options
        self.processes = processes
        self.open = self.most_open = 0
        self.seen: list[Seen] = []
        self.before = self.peak = self.cpu = 0.0

    async def measure(self) -> "Crowd":
        await self._one(-1)  # what is loaded once is not what streams cost
        self.seen.clear()
        self.before, self.peak, used = self._memory(), 0.0, self._cpu()
        watch = asyncio.create_task(self._watch())
        step = self.options.ramp / self.options.streams
        tasks = []
        started = time.monotonic()
        for number in range(self.options.streams):
            await asyncio.sleep(max(0.0, started + number * step - time.monotonic()))
            tasks.append(asyncio.create_task(self._one(number)))
        await asyncio.gather(*tasks)
        watch.cancel()
        self.cpu = self._cpu() - used
        return self

    async def _watch(self) -> None:
        while True:
            self.peak = max(self.peak, self._memory())
            await asyncio.sleep(1)

    async def _one(self, number: int) -> None:
        seen = Seen()
        self.seen.append(seen)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._stream(seen, number)
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            seen.error = repr(error)
        finally:
            self.open -= 1

    async def _stream(self, seen: Seen, number: int) -> None:
        body = json.dumps(
            {
                "model": "small",
                "messages": [{"role": "user", "content": f"Tell me story {number}."}],
                "stream": True,
                "cache": "bypass",
                "max_tokens": 1000,
            }
        ).encode()
        host, port = self.address.hostname, self.address.port
        begun = time.time()
        reader, writer = await asyncio.open_connection(host, port)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n"
        head += f"authorization: Bearer {self.key}\r\ncontent-type: application/json\r\n"
        writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
        try:
            await self._read(reader, seen, begun)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, seen: Seen, begun: float) -> None:
        seen.status = int((await reader.readline()).split()[1])
        while line := await reader.readline():
            if line.startswith(b"data: [DONE]"):
                seen.done = True
            elif line.startswith(b"data: {"):
                self._event(json.loads(line[6:]), seen, begun)

    def _event(self, event: Any, seen: Seen, begun: float) -> None:
        if "error" in event:
            seen.error = event["error"]["message"]
            return
        said = event["choices"][0]["delta"].get("content") if event["choices"] else ""
        if said:
            arrived, sent = map(float, said.split())
            seen.way_in = arrived - begun
            seen.way_out.append(time.time() - sent)

    def _memory(self) -> float:
        """Private and shared pages of the gateway, shared ones by their part, in MB."""
        return float(sum(process.memory_full_info().pss for process in self.processes)) / 1e6

    def _cpu(self) -> float:
        return float(sum(sum(process.cpu_times()[:2]) for process in self.processes))


def _report(crowd: Crowd, witness: dict[str, Any], options: argparse.Namespace) -> None:
    streams = options.streams
    whole = [s for s in crowd.seen if s.done and len(s.way_out) == options.words and not s.error]
    first = [1000 * (s.way_in + s.way_out[0]) for s in crowd.seen if s.way_out]
    outs = [1000 * out for s in crowd.seen for out in s.way_out]
    ins = [1000 * s.way_in for s in crowd.seen if s.way_out]
    growth = crowd.peak - crowd.before
    print(f"streams           {streams}, {crowd.most_open} open at once")
    print(f"seen by upstream  {witness['in_flight_max']} at once, {len(witness['log'])} requests")
    print(f"whole             {len(whole)}")
    print(f"dropped           {streams - len(whole)}")
    for error, count in _causes(crowd.seen, whole):
        print(f"                  {count} × {error[:100]}")
    print(f"memory            {crowd.before:.0f} → {crowd.peak:.0f} MB PSS")
    print(f"  1,000 streams   {1000 * growth / streams:.0f} MB")
    print(f"CPU               {1000 * crowd.cpu / streams:.1f} ms a stream, gateway only")
    print(f"first token       {_quantiles(first)}  added by the gateway")
    print(f"  the way in      {_quantiles(ins)}")
    print(f"  out, each word  {_quantiles(outs)}")
    print(f"load              {os.getloadavg()[0]:.1f} at the end, {os.cpu_count()} cores")
    if len(whole) < streams:
        raise SystemExit(1)


def _causes(seen: list[Seen], whole: list[Seen]) -> list[tuple[str, int]]:
    causes = [s.error or f"HTTP {s.status}" for s in seen if s not in whole]
    return sorted((cause, causes.count(cause)) for cause in set(causes))[:5]


def _quantiles(values: list[float]) -> str:
    cuts = statistics.quantiles(values, n=100) if len(values) > 1 else [0.0] * 99
    return f"p50 {cuts[49]:7.1f}  p95 {cuts[94]:7.1f}  p99 {cuts[98]:7.1f} ms"


def _workers(pid: int) -> list[psutil.Process]:
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


@contextmanager
def _gateway(options: argparse.Namespace) -> Iterator[tuple[str, str, Any, int]]:
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

    content = " ".join(["word"] * options.words)
    with running_upstream() as upstream:
        upstream.behave(content=content, chunk_latency=options.pause, stamps=True)
        make_priced_deployment(provider=make_provider(upstream.url), model=make_model("small"))
        key = make_key(make_service("bench"))
        granian = ("--backlog=4096", "--backpressure=8192", "--log-level=warning")
        gateway = "llmplatform.asgi:application"
        with served_by("asgi", gateway, options=granian, LOG_LEVEL="WARNING") as (url, pid):
            yield url, key, upstream, pid


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--words", type=int, default=12)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds before each word")
    parser.add_argument("--ramp", type=float, default=30.0, help="seconds to open all")
    options = parser.parse_args()
    if options.words * options.pause <= options.ramp:
        sys.exit("words × pause must be longer than the ramp, or they are never open together")
    return options


if __name__ == "__main__":
    main()
