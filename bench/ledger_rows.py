"""Reports, posting and verification on a ledger of ten million entries, against raw queries.

Run `python -m bench.ledger_rows [--rows 10000000] [--folder DIR]`. It starts a Postgres of its own
in DIR, which must not exist (25 GB free for ten million rows), and removes it. `bench.ledger_seed`
says what the entries are. Indexes that no measured statement uses are left out. Each time is the
median of five, of slow baselines and of `verify_ledger` a single one. Below each question stands
the query that answers it from the entries alone. Exit code 1: something took longer than asked.
"""

import argparse
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from psycopg import sql

from bench.ledger_seed import Year, names, select

UNUSED = ("request_id", "job_id", "attempt")  # indexes, by their columns
RAW_MONTH = """
    SELECT team, sum(amount_pico), sum(input_tokens), sum(output_tokens), count(*)
    FROM ledger_entry WHERE at >= '2026-06-01' AND at < '2026-07-01' GROUP BY team
"""
RAW_YEAR = """
    SELECT team, date_trunc('month', at AT TIME ZONE 'UTC'), sum(amount_pico), sum(input_tokens),
        sum(output_tokens), count(*)
    FROM ledger_entry WHERE at >= '2026-01-01' AND at < '2027-01-01' GROUP BY 1, 2
"""
RAW_DAY = """
    SELECT prompt, sum(amount_pico), count(*) FROM ledger_entry
    WHERE at >= '2026-06-10' AND at < '2026-06-11' GROUP BY prompt
"""
RAW_ALL_OF_A_DAY = """
    SELECT service, team, cost_center, provider, model, deployment, prompt, prompt_version, arm,
        purpose, kind, sum(amount_pico), count(*)
    FROM ledger_entry WHERE at >= '2026-12-30' AND at < '2026-12-31'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
"""
RAW_LINES = """
    SELECT count(*) FROM ledger_entry entry
    WHERE at >= '2026-06-01' AND at < '2026-07-01' AND amount_pico <> (
        SELECT sum((line->>'amount_pico')::numeric) FROM jsonb_array_elements(lines) line)
"""


def main() -> int:
    options = _options()
    with _postgres(options.folder) as url:
        os.environ |= {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "llmplatform.settings",
            "LLMPLATFORM_EMBEDDED": "1",
            "LOG_LEVEL": "ERROR",
        }
        os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # never asked
        import django

        django.setup()
        _prepare(Year(options.rows, options.seed), unused=UNUSED)
        return _measure(options.rows, options.seed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/llmplatform-ledger-bench"))
    return parser.parse_args()


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    from llmplatform.embedded.layout import free_port
    from llmplatform.embedded.postgres import PRODUCT_SETTINGS, Postgres

    folder.mkdir(parents=True)
    settings = PRODUCT_SETTINGS | {
        "shared_buffers": "1GB",
        "max_wal_size": "8GB",
        "maintenance_work_mem": "256MB",
    }
    server = Postgres(folder / "pg", folder / "log", free_port(), "bench", settings)
    try:
        server.start()
        server.wait_ready()
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(year: Year, *, attempts: bool = False, unused: Sequence[str] = ()) -> None:
    from django.core.management import call_command

    from bench.history import load

    call_command("migrate", verbosity=0)
    load(year, attempts=attempts, unused=unused)


def _measure(rows: int, seed: int) -> int:
    from django.core.management import call_command
    from django.db import connection

    from apps.ledger.posting import post_entries
    from apps.ledger.reports import Days, spend_by_group, spend_by_month

    june = Days(date(2026, 6, 1), date(2026, 6, 30), "UTC")
    year = Days(date(2026, 1, 1), date(2026, 12, 31), "UTC")
    day = Days(date(2026, 6, 10), date(2026, 6, 10), "UTC")
    made = rows

    def add_thousand() -> None:
        """In one service call's way: one transaction, triggers on, in the year's last days."""
        nonlocal made
        more = select(first=made, last=made + 999, year=Year(made + 1000, seed))
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("INSERT INTO ledger_entry ({}) {}").format(names(), more))
        made += 1000

    def run(statement: str) -> Callable[[], Any]:
        def query() -> Any:
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall()

        return query

    def drill_down() -> Any:
        from apps.ledger.models import Entry

        start, end = day.bounds
        found = Entry.objects.filter(at__gte=start, at__lt=end, team="search")
        return list(found.order_by("-at")[:50]), spend_by_group(days=day, dimension="prompt")

    add_thousand()  # reports read rollups and entries that they don't hold yet
    kept = [
        _line("month by team", 0.150, lambda: spend_by_group(days=june, dimension="team")),
        _line("  raw", None, run(RAW_MONTH)),
        _line("year by team and month", 0.300, lambda: spend_by_month(days=year, dimension="team")),
        _line("  raw", None, run(RAW_YEAR), times=1),
        _line("a day's entries and sums", 0.500, drill_down),
        _line("  raw sums", None, run(RAW_DAY)),
    ]
    post_entries(zone="UTC")
    post = lambda: post_entries(zone="UTC")  # noqa: E731
    kept.append(_line("posting 1,000 entries", 0.250, post, before=add_thousand))
    kept.append(_line("  raw: a day's sums anew", None, run(RAW_ALL_OF_A_DAY)))
    out = StringIO()
    verify = lambda: call_command("verify_ledger", "--month", "2026-06", stdout=out)  # noqa: E731
    kept.append(_line("verify_ledger of a month", 30, verify, times=1))
    kept.append(_line("  raw: its lines alone", None, run(RAW_LINES), times=1))
    print(f"  {out.getvalue().strip()}")
    return 0 if all(kept) else 1


def _line(
    what: str,
    limit: float | None,
    run: Callable[[], Any],
    *,
    before: Callable[[], Any] = lambda: None,
    times: int = 5,
) -> bool:
    """Whether it took as little as was asked."""
    took = []
    for _ in range(times):
        before()
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    middle = statistics.median(took)
    asked = "" if limit is None else f"asked < {limit:.3f} s: {'yes' if middle < limit else 'NO'}"
    print(f"{what:28} {middle:9.3f} s  worst {max(took):9.3f} s  {asked}", flush=True)
    return limit is None or middle < limit


def _say(what: str, seconds: float) -> None:
    now = datetime.now(UTC)
    print(f"{now:%H:%M:%S} {what}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
