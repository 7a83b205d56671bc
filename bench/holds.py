"""Durable hold + settle cycles per second on one hot budget row, with the batcher and without it.

Run `python -m bench.holds [--seconds 4]`. It starts an embedded Postgres of its own, with fsync on,
in a temporary folder. Each caller repeats: hold 1 pico-dollar, wait for the commit, settle it, wait
for the commit. Without the batcher each hold and each settlement is one transaction of the caller's
own thread and connection; with it, callers are coroutines of one event loop, as in `gateway` and
`worker`. Both run the same code (`apps.budgets.services`). Afterwards the counters are checked.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CALLERS = (1, 8, 32, 128)
WARM_UP = 0.5  # seconds, not counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    options = parser.parse_args()
    with _durable_database():
        budgets = _budget()
        print(f"{'callers':>7}  {'alone':>12}  {'batched':>12}  {'ratio':>6}  {'ms a cycle':>16}")
        for callers in CALLERS:
            alone = _threads(callers, budgets, options.seconds)
            batched = asyncio.run(_batched(callers, budgets, options.seconds))
            print(_row(callers, alone, batched, options.seconds), flush=True)
        _check()


@contextmanager
def _durable_database() -> Iterator[None]:
    from llmplatform.embedded.layout import free_port
    from llmplatform.embedded.postgres import PRODUCT_SETTINGS, Postgres

    with tempfile.TemporaryDirectory(prefix="bench-holds-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may have to enter it as another user
        server = Postgres(
            folder / "postgres", folder / "postgres.log", free_port(), "bench", PRODUCT_SETTINGS
        )
        server.start()
        try:
            server.wait_ready()
            _migrate(server.url)
            yield
        finally:
            server.stop()


def _migrate(url: str) -> None:
    os.environ["DATABASE_URL"] = url
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # nobody asks it anything
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
    os.environ.setdefault("LLMPLATFORM_EMBEDDED", "1")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
        fsync, commit = cursor.fetchone()
    print(f"Postgres: fsync {fsync}, synchronous_commit {commit}; {os.cpu_count()} cores")


def _budget() -> Any:
    from apps.budgets.models import Budget
    from apps.budgets.snapshot import read_budgets

    Budget.objects.create(slug="hot", name="Hot", limit_pico=10**18)
    return read_budgets()


def _request() -> Any:
    from apps.budgets.types import HoldRequest, Scope
    from apps.core.ids import uuid7

    scope = Scope("team", "cc", "service", "provider", "model")
    return HoldRequest(id=uuid7(), amount_pico=1, scope=scope, ttl_seconds=600)


def _holder(budgets: Any) -> Callable[[Sequence[Any]], Any]:
    from django.db import transaction

    from apps.budgets.services import hold_all
    from apps.core.clock import db_now

    def flush(requests: Sequence[Any]) -> Any:
        with transaction.atomic():
            return hold_all(requests=requests, budgets=budgets, now=db_now())

    return flush


def _settler() -> Callable[[Sequence[Any]], Any]:
    from django.db import transaction

    from apps.budgets.services import settle_all
    from apps.core.clock import db_now

    def flush(resolutions: Sequence[Any]) -> Any:
        with transaction.atomic():
            settle_all(resolutions=resolutions, now=db_now())
        return [True] * len(resolutions)

    return flush


def _threads(callers: int, budgets: Any, seconds: float) -> list[float]:
    """Seconds that each cycle took."""
    from django.db import connection

    from apps.budgets.types import Resolution

    hold, settle, times = _holder(budgets), _settler(), []
    start = threading.Barrier(callers)

    def call() -> None:
        connection.ensure_connection()
        start.wait()
        counted = time.monotonic() + WARM_UP
        while (begun := time.monotonic()) < counted + seconds:
            answer = hold([_request()])[0]
            settle([Resolution(answer.id, 1)])
            if begun >= counted:
                times.append(time.monotonic() - begun)
        connection.close()

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


async def _batched(callers: int, budgets: Any, seconds: float) -> list[float]:
    from apps.budgets.types import Resolution
    from apps.core.batcher import Batcher

    holds: Any = Batcher(name="hold", flush=_holder(budgets))
    settlements: Any = Batcher(name="settle", flush=_settler())
    times: list[float] = []
    counted = time.monotonic() + WARM_UP

    async def call() -> None:
        while (begun := time.monotonic()) < counted + seconds:
            answer = await holds.submit(_request())
            await settlements.submit(Resolution(answer.id, 1))
            if begun >= counted:
                times.append(time.monotonic() - begun)

    await asyncio.gather(*(call() for _ in range(callers)))
    await holds.close()
    await settlements.close()
    return times


def _row(callers: int, alone: list[float], batched: list[float], seconds: float) -> str:
    rates = len(alone) / seconds, len(batched) / seconds
    medians = [1000 * statistics.median(times) for times in (alone, batched)]
    return (
        f"{callers:7}  {rates[0]:10.0f}/s  {rates[1]:10.0f}/s  {rates[1] / rates[0]:5.1f}x  "
        f"{medians[0]:6.1f} → {medians[1]:6.1f}"
    )


def _check() -> None:
    from apps.budgets.models import Hold, Window

    window = Window.objects.get()
    done = Hold.objects.filter(status="settled").count()
    if (window.posted_pico, window.held_pico) != (done, 0):
        raise SystemExit(f"The counters are wrong: {window.posted_pico} posted of {done}.")
    print(f"{done} cycles, and the window says the same.")


if __name__ == "__main__":
    main()
