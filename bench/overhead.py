"""What a call costs through the gateway, with durable accounting on.

Run `python -m bench.overhead [--seconds 2] [--rounds 3]`: about two minutes. It starts, on
loopback, its own Postgres (fsync on), Valkey, a fast model server, the gateway as `manage.py up`
starts it, and as baseline Y a bare pass-through (granian, aiohttp, a key check; on asyncio's loop,
as when the targets were set, while the gateway runs on uvloop). Every prompt is
another one, two hard budgets and the tier's limits apply, the cache is asked and filled.

The rounds interleave the three targets, medians are told. Gateway and Y run on the last core,
everything else on the first, where there are two. CPU is user and system time of a target's
process tree. Afterwards every answer must stand in the ledger.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import load
from bench.stack import cpu_seconds, durable_stack, pin, pss_mb, running, tree

CALLERS = (1, 16, 64)
STREAMS = (1, 16)
FIRST_CORE, LAST_CORE = 0, (psutil.cpu_count() or 1) - 1


@dataclass(frozen=True)
class Target:
    """`processes` are those whose CPU is counted."""

    name: str
    port: int
    key: str
    processes: list[psutil.Process]


@dataclass(frozen=True)
class Sample:
    times: load.Times
    cpu_ms: float  # a call

    @property
    def rate(self) -> float:
        return self.times.rate


Samples = dict[tuple[str, int, bool], list[Sample]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    with durable_stack(OUTBOUND_ALLOWED_HOSTS="127.0.0.1") as folder, _targets(folder) as targets:
        samples = _rounds(targets, options.rounds, options.seconds)
        _report(samples)
        memory = pss_mb(targets[-1].processes)
        print(f"gateway's memory afterwards: {memory:.0f} MB PSS, granian's supervisor included")
    print(f"load afterwards {os.getloadavg()[0]:.1f}")


def _rounds(targets: list[Target], rounds: int, seconds: float) -> Samples:
    samples: Samples = defaultdict(list)
    for target in targets:
        _measure(target, callers=16, seconds=seconds, stream=False)  # warm-up
    before, answered = _entries(), 0
    plans = [(callers, False) for callers in CALLERS] + [(callers, True) for callers in STREAMS]
    for _ in range(rounds):
        for callers, stream in plans:
            for target in targets:
                sample = _measure(target, callers=callers, seconds=seconds, stream=stream)
                samples[target.name, callers, stream].append(sample)
                answered += len(sample.times.answers) * (target.name == "gateway")
    if (booked := _entries() - before) != answered:
        raise SystemExit(f"{answered} answers, but {booked} charges in the ledger.")
    print(f"{answered} answers of the gateway, and as many charges in the ledger")
    return samples


def _measure(target: Target, *, callers: int, seconds: float, stream: bool) -> Sample:
    before = cpu_seconds(target.processes)
    times = asyncio.run(
        load.run(port=target.port, key=target.key, callers=callers, seconds=seconds, stream=stream)
    )
    cpu = cpu_seconds(target.processes) - before
    return Sample(times, 1000 * cpu / len(times.answers))


# --- What is measured ----------------------------------------------------------------------------
@contextmanager
def _targets(folder: Path) -> Iterator[list[Target]]:
    from llmplatform.embedded.layout import free_port

    ports = [free_port() for _ in range(3)]
    pin(tree(psutil.Process()), FIRST_CORE)  # with Postgres and Valkey
    key = _configuration(f"http://127.0.0.1:{ports[0]}/v1")
    commands = {
        "upstream": ["bench.upstream", f"--port={ports[0]}"],
        "Y": _granian(ports[1], "bench.passthrough:application", loop="asyncio"),
        "gateway": _granian(ports[2], "llmplatform.asgi:application"),
    }
    environment = {"UPSTREAM_URL": f"http://127.0.0.1:{ports[0]}", "BENCH_KEY": key}
    with ExitStack() as stack:
        targets = []
        for (name, command), port in zip(commands.items(), ports, strict=True):
            log = folder / f"{name}.log"
            process = stack.enter_context(running(command, log=log, port=port, **environment))
            if name != "upstream":
                pin(tree(process), LAST_CORE)
            targets.append(Target(name, port, key, tree(process)))
        yield targets


def _granian(port: int, application: str, *, loop: str = "auto") -> list[str]:
    """As `manage.py up` starts the gateway."""
    options = ["--interface=asgi", "--host=127.0.0.1", "--no-ws", "--log-level=warning"]
    return ["granian", *options, f"--loop={loop}", f"--port={port}", application]


def _configuration(upstream: str) -> str:
    """A model with prices, limits that are counted but never reached, two hard budgets that move
    with every call. Gives the service's key."""
    from apps.budgets.models import Budget
    from tests.factories import (
        make_key,
        make_model,
        make_priced_deployment,
        make_provider,
        make_service,
        make_tier,
    )

    model = make_model("bench")
    make_priced_deployment(provider=make_provider(upstream), model=model, upstream_name="bench")
    tier = make_tier(
        slug="bench", requests_per_second=10**5, burst=10**6, tokens_per_minute=2 * 10**9
    )
    service = make_service("bench", tier=tier)
    Budget.objects.create(slug="all", name="All", limit_pico=10**18)
    Budget.objects.create(slug="bench", name="Bench", limit_pico=10**18, service=service.slug)
    return make_key(service)


def _entries() -> int:
    from apps.ledger.models import Entry

    return Entry.objects.filter(kind="charge", amount_pico__gt=0).count()


# --- What is told --------------------------------------------------------------------------------
def _report(samples: Samples) -> None:
    print("\nCPU-ms a call of the process tree, calls/s, p50 and p99 in ms (added to upstream's)")
    for callers in CALLERS:
        _table(samples, callers, stream=False)
    print("\nstreams: the same, with p50 and p99 of the first event")
    for callers in STREAMS:
        _table(samples, callers, stream=True)
    print("\ngateway's CPU in multiples of Y, and calls/s on one core when nothing else limits")
    for callers in CALLERS:
        ratios = [
            gateway.cpu_ms / y.cpu_ms
            for gateway, y in zip(
                samples["gateway", callers, False], samples["Y", callers, False], strict=True
            )
        ]
        per_core = 1000 / _median(samples["gateway", callers, False], lambda s: s.cpu_ms)
        spread = f"{min(ratios):.1f}–{max(ratios):.1f}"
        median = statistics.median(ratios)
        print(f"{callers:4} callers  {median:5.1f} Y ({spread})  {per_core:6.0f}/s")


def _table(samples: Samples, callers: int, *, stream: bool) -> None:
    direct = samples["upstream", callers, stream]
    for name in ("upstream", "Y", "gateway"):
        found = samples[name, callers, stream]
        p50, p99 = (_median(found, lambda s, p=p: s.times.percentile(p)) for p in (50, 99))
        added = p50 - _median(direct, lambda s: s.times.percentile(50))
        print(
            f"{callers:4} {'streams' if stream else 'callers'}  {name:9}"
            f"{_median(found, lambda s: s.cpu_ms):7.2f} ms"
            f" {_median(found, lambda s: s.rate):7.0f}/s"
            f"  p50 {p50:7.2f}  p99 {p99:7.2f}  (+{added:.2f})"
        )


def _median(samples: list[Sample], value: Callable[[Sample], float]) -> float:
    return statistics.median(value(sample) for sample in samples)


if __name__ == "__main__":
    main()
