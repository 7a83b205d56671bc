"""The whole product under faults: `python -m tests.chaos.run --seed 1 --jobs 600`.

Starts everything that it needs on loopback, prints numbers and violations, and ends with 1 when a
promise was broken. With `--mutant NAME` (or `--mutant all`) it must find one.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos import mutants
from tests.chaos.checker import Violation, check, measure
from tests.chaos.clients import Clients
from tests.chaos.facts import Facts
from tests.chaos.injector import Injector
from tests.chaos.plan import AWAY, FULL, SMALL, Step, plan, seconds_of
from tests.chaos.stack import Stack, stack

BOUND_SECONDS = 60  # after the last fault, by which every job must have ended
MUTANT_JOBS, MUTANT_BOUND = 80, 40
CONTROL = "control"  # the unchanged product under all that the mutants suffer
LEAST_SECONDS = 8  # of posting


def main() -> int:
    options = _options()
    if options.rolling:
        from tests.chaos.rolling import rolling

        return rolling()
    if options.mutant == "all":
        return _all_mutants(options)
    result = _run_mutant_or_seed(options)
    _print(options, *result)
    return 1 if result[1] else 0


def _run_mutant_or_seed(options: argparse.Namespace) -> tuple[Facts, list[Violation]]:
    if options.mutant:
        return run_mutant(options.mutant, seed=options.seed, keep_logs=options.logs)
    return run(
        seed=options.seed,
        jobs=options.jobs,
        steps=_steps(options),
        bound=options.seconds,
        skew_hours=options.skew,
        keep_logs=options.logs,
        rate=options.rate,
    )


def run(
    *,
    seed: int,
    jobs: int,
    steps: Sequence[Step],
    bound: float = BOUND_SECONDS,
    mutant: str = "",
    skew_hours: Sequence[float] = (0,),
    keep_logs: Path | None = None,
    upstream_options: Sequence[str] = (),
    rate: float = 0,
) -> tuple[Facts, list[Violation]]:
    """One run from nothing to nothing; what it left and what is wrong with that."""
    began = time.monotonic()
    with stack(seed=seed, mutant=mutant, skew_hours=skew_hours) as (parts, exits):
        parts.start_servers(exits, upstream_options=list(upstream_options))
        key = _prepare(parts)
        parts.start_product(exits)
        started = time.monotonic()
        clients = Clients(port=parts.web_ports[0], key=key, seed=seed)
        found = _under_faults(parts, clients, list(steps), jobs=jobs, bound=bound, rate=rate)
        submissions, faults = found
        from tests.chaos import gather

        facts = gather.facts(
            submissions=submissions,
            faults=faults,
            report=parts.upstream.report(),
            start_seconds=round(started - began, 1),
            run_seconds=round(time.monotonic() - started, 1),
        )
        if keep_logs is not None:
            _keep(parts.folder, keep_logs)
        from django.db import connections

        connections.close_all()
    return facts, check(facts)


def _prepare(parts: Stack) -> str:
    import django
    from django.apps import apps
    from django.conf import settings
    from django.db import connections

    if not apps.ready:
        django.setup()
    _point_django_at(parts, settings, connections)
    from tests.chaos import gather

    key = gather.prepare_database(parts.upstream.url)
    mutants.apply_to_database(parts.mutant)
    return key


def _point_django_at(parts: Stack, settings: Any, connections: Any) -> None:
    """This process asks the run's own database and broker, also when it did others before."""
    import environ

    from apps.core.redis import client
    from llmplatform import celery_app

    connections.close_all()
    url = environ.Env.db_url_config(parts.environment["DATABASE_URL"])
    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT"):
        connections["default"].settings_dict[name] = url[name]
    settings.API_KEY_PEPPER = parts.environment["API_KEY_PEPPER"]
    settings.REDIS_URL = celery_app.conf.broker_url = parts.environment["REDIS_URL"]
    client.cache_clear()
    celery_app._after_fork()  # forget connections to another broker


def _under_faults(
    parts: Stack, clients: Clients, steps: list[Step], *, jobs: int, bound: float, rate: float
) -> tuple[Any, Any]:
    injector = Injector(parts)
    seconds = max(LEAST_SECONDS, seconds_of(steps))
    if rate:
        post = partial(clients.post_at_rate, round(rate * seconds), rate=rate)
    else:
        post = partial(clients.post_all, jobs, seconds=seconds, progress=lambda: injector.progress)
    posting = threading.Thread(target=post, daemon=True)
    posting.start()
    injector.run(steps)
    posting.join()
    submissions = clients.close()
    _wait_for_the_end(bound)
    return submissions, injector.faults


def _wait_for_the_end(bound: float) -> None:
    from tests.chaos import gather

    until = time.monotonic() + bound
    while gather.count_open() != 0 and time.monotonic() < until:
        time.sleep(0.2)


def _keep(folder: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for log in folder.glob("*.log"):
        (target / log.name).write_bytes(log.read_bytes())


def steps_of_mutant(name: str) -> list[Step]:
    kinds = mutants.FAULTS.get(name, ("kill", "pause", "postgres_restart", "kill"))
    return [Step(kind, 2.5, index) for index, kind in enumerate(kinds)]


def run_mutant(
    name: str, *, seed: int = 1, keep_logs: Path | None = None
) -> tuple[Facts, list[Violation]]:
    return run(
        seed=seed,
        jobs=MUTANT_JOBS,
        steps=steps_of_mutant(name),
        bound=MUTANT_BOUND,
        mutant="" if name == CONTROL else name,
        keep_logs=keep_logs,
        upstream_options=["--no-faults", "--slow-share=0.15"],
    )


def _all_mutants(options: argparse.Namespace) -> int:
    found = {}
    for name in (CONTROL, *mutants.NAMES):
        started = time.monotonic()
        _, found[name] = run_mutant(name, seed=options.seed)
        _say(f"{name:24} {_kinds(found[name])}  ({time.monotonic() - started:.0f} s)")
    wrongly_accused = bool(found.pop(CONTROL))
    caught = sum(map(bool, found.values()))
    _say(f"{caught} of {len(found)} mutants caught")
    return 1 if wrongly_accused or caught < len(found) else 0


def _kinds(violations: Sequence[Violation]) -> str:
    kinds = sorted({violation.kind for violation in violations})
    counts = [f"{kind} ×{sum(v.kind == kind for v in violations)}" for kind in kinds]
    return ", ".join(counts) or "nothing found"


def _steps(options: argparse.Namespace) -> list[Step]:
    if options.rate and not options.faults:
        return [Step(kind, 6.0, 0) for kind in AWAY]
    if options.faults:
        return [Step(kind, 3.0, number) for number, kind in enumerate(options.faults)]
    if options.small:
        return plan(options.seed, kinds=SMALL, timed_kills=0)
    return plan(options.seed, kinds=FULL)


def _print(options: argparse.Namespace, facts: Facts, violations: list[Violation]) -> None:
    kinds = [fault.kind for fault in facts.faults]
    _say(f"seed {options.seed}: {', '.join(kinds) or 'no faults'}")
    for name, value in measure(facts).items():
        _say(f"  {name:32} {value}")
    for violation in violations[:40]:
        _say(f"  VIOLATION {violation}")
    if options.json:
        options.json.write_text(json.dumps(measure(facts)))


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument(
        "--rate",
        type=float,
        default=0,
        help="so many jobs a second, evenly, in place of --jobs; without --faults only Valkey goes",
    )
    parser.add_argument("--seconds", type=float, default=BOUND_SECONDS, help="for the last jobs")
    parser.add_argument(
        "--skew", type=float, nargs="*", default=[0], help="hours that each worker's clock is wrong"
    )
    parser.add_argument("--mutant", default="", choices=("", "all", CONTROL, *mutants.NAMES))
    parser.add_argument("--faults", nargs="*", choices=sorted(set(FULL)), help="these, in order")
    parser.add_argument("--small", action="store_true", help="five faults only")
    parser.add_argument("--rolling", action="store_true", help="the rolling restart instead")
    parser.add_argument("--logs", type=Path, help="keep the processes' logs in this folder")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    return parser.parse_args()


if __name__ == "__main__":
    for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL"):
        os.environ.pop(name, None)  # a run uses its own servers only
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is ended
    sys.exit(main())
