"""The finance pages on a ledger of ten million entries: how long they take, and how many queries.

Run `python -m bench.finance_pages [--rows 10000000] [--folder DIR]`, where nothing else runs. It
starts a Postgres of its own in DIR, which must not exist (25 GB free for ten million rows),
and removes it. The entries are those of `bench.ledger_seed`: a year from 2026-01-01 of 30 services,
12 models and 200 prompt versions. Each page is loaded by Django's own client, without a network,
signed in as finance; a time is the median of five after a first load. Exit code 1: a page took more
than was asked, or asked more than 25 queries.
"""

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from bench.ledger_rows import _options, _postgres, _prepare, _say

LIMIT, QUERIES, TIMES = 0.4, 25, 5
YEAR = "from=2026-01-01&to=2026-12-31"
PAGES = {
    "a month by service": "costs/?from=2026-06-01&to=2026-06-30",
    "a month by team and model": "costs/?from=2026-06-01&to=2026-06-30&group_by=team,model",
    "a month by prompt version": "costs/?from=2026-06-01&to=2026-06-30&group_by=prompt_version",
    "a month of one service": "costs/?from=2026-06-01&to=2026-06-30&service=service-3",
    "90 days by service": "costs/?from=2026-04-02&to=2026-06-30",
    "a year by month and service": f"costs/?{YEAR}",
    "a year by version and model": f"costs/?{YEAR}&group_by=prompt_version,model",
    "a day by hour": "costs/?from=2026-06-10&to=2026-06-10",
    "why, month against month": "costs/why/?from=2026-06-01&to=2026-06-30",
    "unusual days of a month": "costs/anomalies/?from=2026-06-01&to=2026-06-30",
}


def main() -> int:
    options = _options()
    with _postgres(Path(options.folder)) as url:
        os.environ |= {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "llmplatform.settings",
            "LLMPLATFORM_EMBEDDED": "1",
            "LOG_LEVEL": "ERROR",
        }
        os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")  # never asked
        import django

        django.setup()
        _prepare(url, options.rows, options.seed)
        client = _signed_in()
        kept = [_measured(client, name, path) for name, path in PAGES.items()]
    return 0 if all(kept) else 1


def _signed_in() -> Any:
    from django.conf import settings
    from django.contrib.auth.models import Group, User
    from django.test import Client

    settings.ALLOWED_HOSTS = ["testserver"]
    user = User.objects.create_user("finance", is_staff=True)
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

    client.get(f"/admin/{path}")
    with connection.execute_wrapper(timed):
        page = client.get(f"/admin/{path}")
    assert page.status_code == 200, page.content
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        client.get(f"/admin/{path}")
        took.append(time.perf_counter() - began)
    middle, asked = statistics.median(took), len(queries)
    kept = middle < LIMIT and asked <= QUERIES
    size = len(page.content) // 1024
    times = f"{name:28} {middle:7.3f} s  worst {max(took):7.3f} s"
    said = f"{asked:3} queries, {sum(queries):.3f} s  {size:5} KB"
    print(f"{times}  {said}{'' if kept else '  TOO MUCH'}", flush=True)
    return kept


if __name__ == "__main__":
    began = time.perf_counter()
    code = main()
    _say("all", time.perf_counter() - began)
    sys.exit(code)
