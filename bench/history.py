"""Fill a migrated, empty database with a year of calls (`bench.ledger_seed`).

Run `python -m bench.history [--rows 10000000] [--until 2026-11-27T12:00Z]` with the database in
`DATABASE_URL`, whose user must be its superuser: the triggers that keep everybody else from writing
history are off meanwhile. Services, teams, models and prices are made too, and the rollups posted
by the product's own code. The months are the twelve until that of `--until`; the last that ended
two days before it is the dear one. Django is configured by the environment.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as dtime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import connect

from bench import ledger_seed
from bench.ledger_seed import Year

# Nothing else may post into the rollups while the ledger is filled: a few thousand entries at a
# time, it would take for ever.
_ALONE = "SELECT {}(x'6C6564676572'::bigint)"
_INDEXES = """
    SELECT indexname, replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes
    WHERE tablename IN ('ledger_entry', 'ledger_attempt') AND indexname NOT LIKE '%_pkey'
"""
_TABLES = (
    *("ledger_entry", "ledger_entrykey", "ledger_attempt", "ledger_dayattempts"),
    "finance_savedsum",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until", type=datetime.fromisoformat, default=datetime.now(UTC))
    options = parser.parse_args()
    import django

    django.setup()
    from django.conf import settings

    zone = settings.REPORTING_TIME_ZONE
    load(twelve_months(rows=options.rows, seed=options.seed, until=options.until, zone=zone))
    return 0


def twelve_months(*, rows: int, until: datetime, zone: str, seed: int = 1) -> Year:
    """From the first of a month until now. The dear month is one that can be closed: it ended two
    days ago or earlier."""
    settled = (until - timedelta(days=2)).astimezone(ZoneInfo(zone)).date().replace(day=1)
    dear = (settled - timedelta(days=1)).replace(day=1)
    months = settled.year * 12 + settled.month - 1 - 11
    first = date(months // 12, months % 12 + 1, 1)
    return Year(rows=rows, seed=seed, first=first, until=until, zone=zone, dear=dear)


def load(year: Year, *, attempts: bool = True, unused: Sequence[str] = ()) -> None:
    """Everything. Without `attempts`, entries name ones that are not there; `unused`: columns
    whose indexes are not made again."""
    from dataclasses import replace

    from django.db import connection

    from apps.finance.saved_days import sum_saved_days
    from apps.ledger.attempts import sum_days
    from bench.history_registry import make_registry

    year = replace(year, price_ids=make_registry(year))
    url = connection.settings_dict
    with connection.cursor() as cursor:
        cursor.execute(_ALONE.format("pg_advisory_lock"))
        _make_partitions(year)
        with _without_indexes(cursor, unused), _writer(url) as writer, _writer(url) as maker:
            with _said(f"{year.rows:,} entries"):
                ledger_seed.copy_entries(maker, writer, year=year)
            if attempts:
                with _said("their attempts"):
                    ledger_seed.copy_attempts(maker, writer, year=year)
            with _said("their keys, which a trigger would have made"):
                writer.execute(ledger_seed.KEYS)
                writer.commit()
        with _said("all posted into rollups"):
            _post_all(year.zone)
        with _said("days of attempts summed"):
            sum_days(zone=year.zone)
        with _said("what days saved summed"):
            sum_saved_days(zone=year.zone, now=datetime.now(UTC))
        for table in (*_TABLES, *_rollups()):
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute(_ALONE.format("pg_advisory_unlock"))
        _tell_sizes(cursor)


def _post_all(zone: str) -> None:
    """Posting ends early where a transaction runs, and autovacuum has reason to after such a load:
    what it held up comes with the next round."""
    from tests.jobs.workers import eventually

    eventually(lambda: _post_rest(zone), seconds=3600)


def _post_rest(zone: str) -> bool:
    """Whether nothing is left."""
    from apps.ledger.models import Entry, RollupCursor
    from apps.ledger.posting import post_entries

    post_entries(zone=zone, batch=1_000_000)
    return not Entry.objects.filter(xid__gte=RollupCursor.objects.get().xid).exists()


def _make_partitions(year: Year) -> None:
    """Of UTC, in which the first and the last entries may lie in neighbours."""
    from apps.ledger.partitions import make_months

    start = datetime.combine(year.first - timedelta(days=1), dtime(), UTC)
    ahead = (year.until.year - start.year) * 12 + year.until.month - start.month + 1
    if failed := make_months(now=start, ahead=ahead).failed:
        raise RuntimeError(f"Others were using the ledger: no partition for {failed}.")


@contextmanager
def _without_indexes(cursor: Any, unused: Sequence[str]) -> Iterator[None]:
    cursor.execute(_INDEXES)
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'DROP INDEX "{name}"')
    yield
    with _said(f"{len(indexes)} indexes"):
        for _, definition in indexes:
            if not any(column in definition.partition("(")[2] for column in unused):
                cursor.execute(definition)


def _writer(url: dict[str, Any]) -> Any:
    opened = connect(
        host=url["HOST"],
        port=url["PORT"],
        user=url["USER"],
        password=url["PASSWORD"],
        dbname=url["NAME"],
    )
    opened.execute("SET session_replication_role = replica; SET jit = off")
    opened.commit()
    return opened


@contextmanager
def _said(what: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.1f} s", flush=True)


def _rollups() -> list[str]:
    from apps.ledger.models.rollup_keys import ROLLUPS

    return [f"ledger_{period}{name}" for period in ("day", "month") for name in ROLLUPS]


def _tell_sizes(cursor: Any) -> None:
    for table in (*_TABLES, *_rollups()):
        cursor.execute(
            f"SELECT (SELECT count(*) FROM {table}), pg_total_relation_size('{table}')"
            " + coalesce(sum(pg_total_relation_size(inhrelid)), 0)"
            f" FROM pg_inherits WHERE inhparent = '{table}'::regclass"
        )
        count, size = cursor.fetchone()
        print(f"  {table}: {count:,} rows, {size / 2**20:,.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
