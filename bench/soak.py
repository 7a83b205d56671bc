"""Does a worker grow? 20,000 jobs through one web process and one worker, with their memory.

Run `python -m bench.soak [--jobs 20000]`. It starts, on loopback, its own Postgres (fsync on),
Valkey, a fast model server, the web process and a worker. The jobs are posted as batches of 10,000
rows, each in one request; the web process's memory is that of its whole tree. Of the worker it
tells memory (RSS), file descriptors, threads and its connections to Postgres, and the slope of
the memory over the jobs after the first 5,000 (least squares).

Exit code 1: a job was lost, is booked more or less than once, or the worker grows by 1 MB or more
for 1,000 jobs.
"""

import argparse
import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.stack import durable_stack, running, tree

ROWS = 10_000  # of a batch: the most that is accepted
FILLER = "a chair of ash, oiled, with a seat of woven cord, for kitchens and verandas; " * 5
WARM_UP = 5_000  # jobs until connections and memory pools have their size
LIMIT = 1.0  # MB for 1,000 jobs


@dataclass(frozen=True)
class Sample:
    ended: int
    rss_mb: float
    files: int
    threads: int
    connections: int

    def __str__(self) -> str:
        return (
            f"{self.ended:7} jobs  {self.rss_mb:7.1f} MB RSS  {self.files:4} files"
            f"  {self.threads:3} threads  {self.connections:3} connections"
        )


@dataclass(frozen=True)
class Parts:
    web: psutil.Process
    web_port: int
    worker: psutil.Process
    key: str


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--jobs", type=int, default=20_000)
    options = parser.parse_args()
    if options.jobs < 2 * WARM_UP:
        parser.error(f"--jobs: at least {2 * WARM_UP}, of which {WARM_UP} are the warm-up")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    with durable_stack(OUTBOUND_ALLOWED_HOSTS="127.0.0.1") as folder, _parts(folder) as parts:
        _post(parts, 100)  # warm-up: what is imported at the first batch is not its memory
        for posted in range(0, options.jobs, ROWS):
            _post(parts, min(ROWS, options.jobs - posted))
        started = time.monotonic()
        samples = list(_watch(parts, 100 + options.jobs))
        print(
            f"{options.jobs} jobs in {time.monotonic() - started:.0f} s after the last was accepted"
        )
        growth = _slope(samples)
        print(f"slope {growth:+.3f} MB RSS for 1,000 jobs (asked: < {LIMIT:.0f})")
        _check_books(100 + options.jobs)
    if growth >= LIMIT:
        raise SystemExit("The worker grows.")


# --- Posting -------------------------------------------------------------------------------------
def _post(parts: Parts, rows: int) -> None:
    run = time.time_ns()  # no text comes twice, or the cache would answer
    lines = (json.dumps(_row(f"{run}-{number}: {FILLER}")) for number in range(rows))
    body = "\n".join(lines).encode()
    before = _memory(parts.web)
    with _peak(parts.web) as peak:
        started = time.monotonic()
        status = _send(parts, body)
    seconds = time.monotonic() - started
    if status != 202:
        raise SystemExit(f"The batch was answered {status}.")
    print(
        f"{rows:6} rows, {len(body) / 1e6:.1f} MB in one request: {seconds:.1f} s,"
        f" web {before:.0f} MB before, {max(peak):.0f} MB at most"
    )


def _row(text: str) -> object:
    return {"model": "bench", "messages": [{"role": "user", "content": text}]}


def _send(parts: Parts, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", parts.web_port, timeout=600)
    headers = {"authorization": f"Bearer {parts.key}", "content-type": "application/x-ndjson"}
    connection.request("POST", "/api/v1/batches/", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def _memory(process: psutil.Process) -> float:
    return sum(part.memory_info().rss for part in tree(process)) / 1e6


@contextmanager
def _peak(process: psutil.Process) -> Iterator[list[float]]:
    """Its memory every 20 ms while the block runs."""
    seen, over = [_memory(process)], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            seen.append(_memory(process))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


# --- Watching ------------------------------------------------------------------------------------
def _watch(parts: Parts, jobs: int) -> Iterator[Sample]:
    from apps.jobs.services.sweep import sweep

    told = 0
    while (sample := _sample(parts)).ended < jobs:
        if sample.ended >= told:
            print(sample, flush=True)
            told += max(1, jobs // 10)
        yield sample
        sweep()  # what beat does
        time.sleep(0.5)
    print(sample)
    yield sample


def _sample(parts: Parts) -> Sample:
    from django.db import connection

    from apps.jobs.models import OPEN_STATUSES, Job

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connections = cursor.fetchone()[0]
    worker = parts.worker
    return Sample(
        ended=Job.objects.exclude(status__in=OPEN_STATUSES).count(),
        rss_mb=worker.memory_info().rss / 1e6,
        files=worker.num_fds(),
        threads=worker.num_threads(),
        connections=connections,
    )


def _slope(samples: list[Sample]) -> float:
    """MB for 1,000 jobs, by least squares, without the warm-up."""
    warm = [sample for sample in samples if sample.ended >= WARM_UP]
    line = statistics.linear_regression([s.ended for s in warm], [s.rss_mb for s in warm])
    return 1000 * line.slope


def _check_books(jobs: int) -> None:
    from apps.budgets.models import Hold
    from apps.jobs.models import Job
    from apps.ledger.models import Entry

    found = {
        "jobs that succeeded": Job.objects.filter(status="succeeded").count(),
        "charges": Entry.objects.filter(kind="charge").count(),
        "jobs with a charge": Entry.objects.order_by().values("job_id").distinct().count(),
    }
    if set(found.values()) != {jobs} or Hold.objects.filter(status="held").exists():
        raise SystemExit(f"The books are wrong: {found}, asked {jobs} each and no open hold.")
    print(f"{jobs} jobs, as many charges, no open hold")


# --- The parts -----------------------------------------------------------------------------------
@contextmanager
def _parts(folder: Path) -> Iterator[Parts]:
    from llmplatform.embedded.layout import free_port

    upstream, web, metrics = (free_port() for _ in range(3))
    key = _configuration(f"http://127.0.0.1:{upstream}/v1")
    with (
        running(
            ["bench.upstream", f"--port={upstream}"], log=folder / "upstream.log", port=upstream
        ),
        running(_web(web), log=folder / "web.log", port=web) as web_process,
        running(
            _WORKER, log=folder / "worker.log", port=metrics, METRICS_PORT=str(metrics)
        ) as worker,
    ):
        yield Parts(web_process, web, worker, key)


_WORKER = [
    *("celery", "--quiet", "--app=llmplatform", "worker", "--loglevel=WARNING"),
    *("--pool=threads", "--concurrency=4", "--queues=high,normal,low,housekeeping"),
    *("--without-gossip", "--without-mingle"),
]


def _web(port: int) -> list[str]:
    options = ["--interface=wsgi", "--host=127.0.0.1", "--no-ws", "--log-level=error"]
    return [
        "granian",
        *options,
        f"--port={port}",
        "--blocking-threads=4",
        "llmplatform.wsgi:application",
    ]


def _configuration(upstream: str) -> str:
    """A model with prices and a hard budget that moves with every call; the service's key."""
    from apps.budgets.models import Budget
    from tests.factories import (
        make_key,
        make_model,
        make_priced_deployment,
        make_provider,
        make_service,
    )

    make_priced_deployment(
        provider=make_provider(upstream), model=make_model("bench"), upstream_name="bench"
    )
    Budget.objects.create(slug="all", name="All", limit_pico=10**18)
    return make_key(make_service("bench"))


if __name__ == "__main__":
    main()
