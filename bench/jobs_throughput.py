"""500 jobs with a 2-second upstream on one worker process: wall time, ideal, peak memory.

Run `python -m bench.jobs_throughput [--jobs 500] [--latency 2] [--slots 512]` with DATABASE_URL
and REDIS_URL set. It makes a test database of its own and removes it. The jobs are accepted before
the worker starts; the clock runs from the moment that the worker is ready.
"""

import argparse
import os
import tempfile
import time
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil


def main() -> None:
    options = _options()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
    os.environ.setdefault("LLMPLATFORM_EMBEDDED", "1")
    import django

    django.setup()
    with _database(), _upstream(options.latency) as upstream:
        accepted = _accept(upstream, options.jobs)
        with _worker(upstream, options) as worker:
            wall, cpu, peak = _run(worker)
    rounds = -(-options.jobs // options.slots)
    ideal = rounds * options.latency
    print(f"accepting    {accepted:8.2f} s  {options.jobs / accepted:6.0f} jobs/s, one thread")
    print(f"wall         {wall:8.2f} s")
    print(f"ideal        {ideal:8.2f} s  {rounds} round(s) of {options.latency} s")
    print(f"above ideal  {wall - ideal:8.2f} s")
    print(f"CPU          {cpu:8.2f} s  {1000 * cpu / options.jobs:6.1f} ms a job, worker only")
    print(f"peak PSS     {peak:8.0f} MB worker")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--slots", type=int, default=512)
    return parser.parse_args()


@contextmanager
def _database() -> Any:
    from django.db import connection

    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


@contextmanager
def _upstream(latency: float) -> Any:
    from tests.fakes.fixtures import running_upstream

    with running_upstream() as upstream:
        upstream.behave(latency=latency)
        yield upstream


@contextmanager
def _worker(upstream: Any, options: argparse.Namespace) -> Any:
    from tests.jobs.workers import Worker

    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(
            Path(folder) / "worker.log",
            OUTBOUND_ALLOWED_HOSTS=upstream.host,
            JOB_SLOTS=str(options.slots),
            JOB_LEASE_SECONDS="30",
        ).wait_until_ready()
        try:
            yield worker
        finally:
            worker.terminate()


def _accept(upstream: Any, count: int) -> float:
    """Accept `count` jobs; seconds."""
    from apps.access.snapshot import caller_of
    from apps.gateway.config import web_config
    from apps.gateway.types import CallSpec
    from apps.jobs.services.submit import submit
    from apps.jobs.types import Draft
    from tests.factories import make_model, make_priced_deployment, make_provider, make_service

    make_priced_deployment(provider=make_provider(upstream.url), model=make_model("small"))
    caller = caller_of(make_service("bench"))
    web_config()
    started = time.monotonic()
    for number in range(count):
        message = {"role": "user", "content": f"Describe product {number} in one sentence."}
        spec = CallSpec(model="small", messages=(message,))
        deadline = timedelta(minutes=10)
        submit(draft=Draft(caller, spec, "0" * 64, 5, deadline, f"bench-{number}"))
    elapsed = time.monotonic() - started
    web_config().stop()
    return elapsed


def _run(worker: Any) -> tuple[float, float, float]:
    """Wait for all jobs: wall and CPU seconds, peak PSS in MB."""
    from apps.jobs.models import OPEN_STATUSES, Job, JobStatus

    process = psutil.Process(worker.process.pid)
    cpu, peak, started = sum(process.cpu_times()[:2]), 0.0, time.monotonic()
    while Job.objects.filter(status__in=OPEN_STATUSES).exists():
        peak = max(peak, process.memory_full_info().pss / 1e6)
        time.sleep(0.1)
    wall = time.monotonic() - started
    failed = Job.objects.exclude(status=JobStatus.SUCCEEDED).count()
    if failed:
        raise SystemExit(f"{failed} jobs did not succeed:\n{worker.explain()}")
    return wall, sum(process.cpu_times()[:2]) - cpu, peak


if __name__ == "__main__":
    main()
