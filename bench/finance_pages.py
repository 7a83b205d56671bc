"""The finance pages on a ledger of ten million entries: how long they take, and how many queries.

Run `python -m bench.finance_pages [--rows 10000000] [--folder DIR]`, where nothing else runs. It
starts a Postgres of its own in DIR, which must not exist (40 GB free for ten million rows),
and removes it. The entries are the twelve months until now of `bench.history`, with days of
Europe/Berlin. With `--filled` it measures the database of `DATABASE_URL`, which `bench.history` has
filled. Each page is loaded by Django's own client, without a network, signed in as finance; a time
is the median of seven after a first load. CPU is that of Python and of the one connection's
Postgres: on an idle machine a page takes about as long.
Exit code 1: a page took more than was asked, or asked more than 25 queries.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from bench.ledger_rows import _postgres, _say

LIMIT, QUERIES, TIMES = 0.4, 25, 7
SLOW = 10  # seconds: such a page is measured once
ZONE = "Europe/Berlin"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp/llmplatform-finance-bench"))
    parser.add_argument("--filled", action="store_true", help="measure the one of DATABASE_URL")
    options = parser.parse_args()
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "llmplatform.settings",
        "LLMPLATFORM_EMBEDDED": "1",
        "LOG_LEVEL": "ERROR",
        "REPORTING_TIME_ZONE": ZONE,
    }
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # never asked
    if options.filled:
        return _measure()
    with _postgres(options.folder) as url:
        os.environ["DATABASE_URL"] = url
        _fill(options.rows)
        return _measure()


def _fill(rows: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from bench.history import load, twelve_months

    call_command("migrate", verbosity=0)
    load(twelve_months(rows=rows, until=datetime.now(UTC), zone=ZONE))


def _measure() -> int:
    import django

    django.setup()
    client = _signed_in()
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    kept = [_measured(client, name, path) for name, path in _pages()]
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    return 0 if all(kept) else 1


def _pages() -> Iterator[tuple[str, str]]:
    from apps.ledger.models import Attempt, Entry

    month = (datetime.now(UTC) - timedelta(days=2)).date().replace(day=1) - timedelta(days=1)
    days = f"from={month.replace(day=1)}&to={month}"
    yield "30 days by service", "costs/"
    yield "a month by service", f"costs/?{days}"
    yield "a month by team and model", f"costs/?{days}&group_by=team,model"
    yield "a month by prompt version", f"costs/?{days}&group_by=prompt_version"
    yield "a month of one service", f"costs/?{days}&service=returns-web"
    yield "90 days by service", "costs/?range=90d"
    yield "90 days by version, tokens", "costs/?range=90d&group_by=prompt_version&metric=tokens"
    yield "this year's quarter, by model", "costs/?range=last-quarter&group_by=model"
    yield "12 months by team and model", "costs/?range=12m&group_by=team,model"
    yield "12 months by version and model", "costs/?range=12m&group_by=prompt_version,model"
    yield "12 months by day and service", "costs/?range=12m&grain=day"
    yield "a day by hour", f"costs/?from={month}&to={month}"
    yield "why, month against month", f"costs/why/?{days}&group_by=prompt"
    yield "why, quarter", "costs/why/?range=last-quarter&group_by=service"
    yield "unusual days of a month", f"costs/anomalies/?{days}"
    yield "unusual days of 90, by prompt", "costs/anomalies/?range=90d&group_by=prompt"
    yield "waste, a month", f"waste/?{days}"
    yield "statements of a month", f"costs/statements/?month={month:%Y-%m}"
    yield "statement of a team", f"costs/statements/one/?month={month:%Y-%m}&name=support"
    yield "ledger entries", "ledger/entry/"
    at = f"at__gte={month.replace(day=1)}T00:00Z&at__lt={month}T00:00Z"
    yield "ledger entries of a service", f"ledger/entry/?{at}&service__exact=returns-web"
    entry = Entry.objects.exclude(attempt=None).filter(kind="correction").order_by("-at")[0]
    yield "ledger entries of a request", f"ledger/entry/?q={entry.request_id}"
    yield "an entry with its price lines", f"ledger/entry/{entry.pk}/change/"
    yield "attempts", "ledger/attempt/"
    yield "an attempt", f"ledger/attempt/{Attempt.objects.order_by('-started_at')[0].pk}/change/"
    yield "quarantine", "ledger/waitingentry/"
    yield "adjustments", "ledger/adjustment/"
    yield "months", "ledger/period/"
    yield "a month before its close", f"ledger/period/{month.replace(day=1)}/change/"
    yield "statements of providers", "reconciliation/statement/"
    yield "exports", "exports/export/"
    yield "export a question", f"exports/export/ask/?{days}"
    yield "budgets", "budgets/budget/"
    if found := _budget():
        yield "a budget", f"budgets/budget/{found}/change/"
    if found := _statement():
        yield "a statement of a provider", f"reconciliation/statement/{found}/change/"
    yield "a month by project", f"costs/?{days}&group_by=tag:project"
    yield "a month by project and model", f"costs/?{days}&group_by=tag:project,model"
    yield "12 months by project and model", "costs/?range=12m&group_by=tag:project,model"
    yield "why, a month by project", f"costs/why/?{days}&group_by=tag:project"
    yield "savings, a month", f"costs/savings/?{days}"
    yield "savings, 12 months by project", "costs/savings/?range=12m&group_by=tag:project"
    yield "home", ""
    yield "usage, 30 days", "usage/"
    yield "usage, 90 days", f"usage/?from={month - timedelta(days=89)}&to={month}"


def _budget() -> Any:
    from apps.budgets.models import Budget

    return Budget.objects.values_list("pk", flat=True).first()


def _statement() -> Any:
    from apps.reconciliation.models import Statement

    return Statement.objects.values_list("pk", flat=True).first()


def _signed_in() -> Any:
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    user, _ = User.objects.get_or_create(username="finance", defaults={"is_staff": True})
    user.groups.add(Group.objects.get(name="finance"))
    client = Client()
    client.force_login(user)
    return client


def _measured(client: Any, name: str, path: str) -> bool:
    from django.db import connection

    queries: list[float] = []

    def timed(execute: Any, *args: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*args)
        finally:
            queries.append(time.perf_counter() - began)

    began = time.perf_counter()
    client.get(f"/admin/{path}")
    times = TIMES if time.perf_counter() - began < SLOW else 1
    with connection.execute_wrapper(timed):
        page = client.get(f"/admin/{path}")
    assert page.status_code == 200, (path, page.status_code, page.content)
    took, spent = [], []
    for _ in range(times):
        began, begun = time.perf_counter(), _processor()
        client.get(f"/admin/{path}")
        took.append(time.perf_counter() - began)
        spent.append(_processor() - begun)
    middle, asked = statistics.median(took), len(queries)
    kept = middle < LIMIT and asked <= QUERIES
    size = len(page.content) // 1024
    line = f"{name:31} {middle:7.3f} s  worst {max(took):7.3f} s"
    cpu = statistics.median(spent)
    said = f"CPU {cpu:.3f} s  {asked:3} queries, {sum(queries):.3f} s  {size:5} KB"
    print(f"{line}  {said}{'' if kept else '  TOO MUCH'}", flush=True)
    return kept


def _processor() -> float:
    """Seconds that this process and its connection's have used of a processor."""
    from django.db import connection

    used = psutil.Process(connection.connection.info.backend_pid).cpu_times()
    return time.process_time() + used.user + used.system


if __name__ == "__main__":
    began = time.perf_counter()
    code = main()
    _say("all", time.perf_counter() - began)
    sys.exit(code)
