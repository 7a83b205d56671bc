"""Reports, posting and verification on a ledger of ten million entries, against raw queries.

Run `python -m bench.ledger_rows [--rows 10000000] [--folder DIR]`. It starts a Postgres of its own
in DIR, which must not exist (15 GB free for ten million rows), and removes it. Entries are made by
a seed, spread over 2026: 20 services of 8 teams, 6 deployments, 12 prompts; one price line each and
no attempts. Indexes that no measured statement uses are left out. Each time is the median of five,
of slow baselines and of `verify_ledger` a single one.
"""

import argparse
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

CHUNK = 100_000  # entries in a transaction of the generator
UNUSED = "request_id|job_id|attempt"  # indexes, by their columns
KEYS = """
    INSERT INTO ledger_entrykey (id, slot)
    SELECT id, CASE WHEN kind IN ('charge', 'estimate') THEN kind ELSE '' END FROM ledger_entry
"""
GENERATE = """
    INSERT INTO ledger_entry (id, at, kind, purpose, amount_pico, avoided_pico, input_tokens,
        output_tokens, lines, tags, request_id, reason, actor, service, team, cost_center, provider,
        model, deployment, prompt, prompt_version, arm)
    SELECT lpad(to_hex(n), 32, '0')::uuid,
        timestamptz '2026-01-01 00:00+00' + interval '365 days' * (n::float / %(rows)s), kind,
        CASE WHEN kind = 'cache_hit' THEN '' WHEN dice %% 29 = 0 THEN 'retry' ELSE 'answer' END,
        amount, CASE WHEN kind = 'cache_hit' THEN 9000000 ELSE 0 END,
        100 + dice %% 900, dice %% 400,
        jsonb_build_array(jsonb_build_object('usage_class', 'in_uncached', 'amount_pico', amount)),
        '[]', 'req', '', '',
        'service-' || service, 'team-' || service %% 8, 'centre-' || service %% 4,
        'provider-' || deployment %% 2, 'model-' || deployment %% 4, 'deployment-' || deployment,
        'prompt-' || prompt, 1 + n * 3 / %(rows)s, CASE WHEN prompt = 0 THEN 'tone/a' ELSE '' END
    FROM (
        SELECT n, dice, dice %% 20 AS service, (dice / 20) %% 3 + dice %% 2 * 3 AS deployment,
            (dice / 60) %% 4 + dice %% 3 * 4 AS prompt, kind,
            CASE WHEN kind = 'cache_hit' THEN 0 ELSE 1000 + dice %% 100000007 END AS amount
        FROM generate_series(%(first)s::bigint, %(last)s) n,
        LATERAL (SELECT abs(hashint8extended(n, %(seed)s)) AS dice) seeded,
        LATERAL (
            SELECT CASE WHEN dice %% 97 < 5 THEN 'cache_hit' WHEN dice %% 97 < 7 THEN 'estimate'
                WHEN dice %% 97 = 7 THEN 'correction' ELSE 'charge' END AS kind
        ) drawn
    ) entry
"""
RAW_MONTH = """
    SELECT team, sum(amount_pico), sum(input_tokens), sum(output_tokens), count(*)
    FROM ledger_entry WHERE at >= '2026-06-01' AND at < '2026-07-01' GROUP BY team
"""
RAW_YEAR = """
    SELECT team, date_trunc('month', at AT TIME ZONE 'UTC'), sum(amount_pico), sum(input_tokens),
        sum(output_tokens), count(*)
    FROM ledger_entry WHERE at >= '2026-01-01' AND at < '2027-01-01' GROUP BY 1, 2
"""


def main() -> None:
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
        _prepare(options.rows, options.seed)
        _measure(options.rows, options.seed)


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


def _prepare(rows: int, seed: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from apps.ledger.posting import post_entries

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for month in range(1, 13):
            cursor.execute("SELECT ledger_entry_month(%s)", [date(2026, month, 1)])
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename='ledger_entry'")
        later = []
        for name, definition in cursor.fetchall():
            columns = definition.partition("(")[2]
            if not name.endswith("_pkey"):
                cursor.execute(f'DROP INDEX "{name}"')
                if not any(column in columns for column in UNUSED.split("|")):
                    later.append(definition.replace(" ON ONLY ", " ON "))
        began = time.perf_counter()
        for first in range(0, rows, CHUNK):
            last = min(first + CHUNK, rows) - 1
            cursor.execute(GENERATE, {"first": first, "last": last, "rows": rows, "seed": seed})
        _say(f"{rows:,} entries made", time.perf_counter() - began)
        began = time.perf_counter()
        cursor.execute(KEYS)
        _say("their keys, which the trigger would have made", time.perf_counter() - began)
        began = time.perf_counter()
        for definition in later:
            cursor.execute(definition)
        cursor.execute("VACUUM ANALYZE ledger_entry")
        _say(f"{len(later) + 1} indexes, vacuum, analyze", time.perf_counter() - began)
        cursor.execute("SET session_replication_role = origin")
        began = time.perf_counter()
        post_entries(zone="UTC", batch=1_000_000)
        _say("all posted into rollups, once", time.perf_counter() - began)
        cursor.execute("VACUUM ANALYZE ledger_daycost")
        cursor.execute("VACUUM ANALYZE ledger_monthcost")
        for table in ("ledger_entry", "ledger_entrykey", "ledger_daycost", "ledger_monthcost"):
            cursor.execute(
                f"SELECT (SELECT count(*) FROM {table}), pg_total_relation_size('{table}')"
                " + coalesce(sum(pg_total_relation_size(inhrelid)), 0)"
                f" FROM pg_inherits WHERE inhparent = '{table}'::regclass"
            )
            count, size = cursor.fetchone()
            print(f"  {table}: {count:,} rows, {size / 2**20:,.0f} MB")


def _measure(rows: int, seed: int) -> None:
    from django.core.management import call_command
    from django.db import connection

    from apps.ledger.posting import post_entries
    from apps.ledger.reports import Days, spend_by_group, spend_by_month

    june = Days(date(2026, 6, 1), date(2026, 6, 30), "UTC")
    year = Days(date(2026, 1, 1), date(2026, 12, 31), "UTC")
    day = Days(date(2026, 6, 10), date(2026, 6, 10), "UTC")
    made = rows

    def add_thousand() -> None:
        """In one service call's way: one transaction, triggers on, days all over the year's end."""
        nonlocal made
        values = {"first": made, "last": made + 999, "rows": made + 1000, "seed": seed}
        with connection.cursor() as cursor:
            cursor.execute(GENERATE, values)
        made += 1000

    def run(sql: str) -> Callable[[], Any]:
        def query() -> Any:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()

        return query

    def drill_down() -> Any:
        from apps.ledger.models import Entry

        start, end = day.bounds
        found = Entry.objects.filter(at__gte=start, at__lt=end, team="team-3")
        return list(found.order_by("-at")[:50]), spend_by_group(days=day, dimension="prompt")

    def raw_day() -> Any:
        return run(
            "SELECT prompt, sum(amount_pico), count(*) FROM ledger_entry "
            "WHERE at >= '2026-06-10' AND at < '2026-06-11' GROUP BY prompt"
        )()

    add_thousand()  # reports read rollups and entries that they don't hold yet
    _line("month by team", 0.150, lambda: spend_by_group(days=june, dimension="team"))
    _line("  raw", None, run(RAW_MONTH))
    _line("year by team and month", 0.300, lambda: spend_by_month(days=year, dimension="team"))
    _line("  raw", None, run(RAW_YEAR), times=1)
    _line("a day's entries and sums", 0.500, drill_down)
    _line("  raw sums", None, raw_day)
    post_entries(zone="UTC")
    _line("posting 1,000 entries", 0.250, lambda: post_entries(zone="UTC"), before=add_thousand)
    out = StringIO()
    verify = lambda: call_command("verify_ledger", "--month", "2026-06", stdout=out)  # noqa: E731
    _line("verify_ledger of a month", 30, verify, times=1)
    print(f"  {out.getvalue().strip()}")


def _line(
    what: str,
    limit: float | None,
    run: Callable[[], Any],
    *,
    before: Callable[[], Any] = lambda: None,
    times: int = 5,
) -> None:
    took = []
    for _ in range(times):
        before()
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    middle = statistics.median(took)
    asked = "" if limit is None else f"asked < {limit:.3f} s: {'yes' if middle < limit else 'NO'}"
    print(f"{what:28} {middle:9.3f} s  worst {max(took):9.3f} s  {asked}", flush=True)


def _say(what: str, seconds: float) -> None:
    now = datetime.now(UTC)
    print(f"{now:%H:%M:%S} {what}: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
