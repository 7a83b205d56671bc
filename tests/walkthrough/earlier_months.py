"""Close all months before one, by the product's own services: `python -m … 2026-10-01`."""

import sys
from collections.abc import Iterable
from datetime import date
from functools import partial

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402

from apps.core.clock import db_now  # noqa: E402
from apps.ledger.checklist import quick_checks  # noqa: E402
from apps.ledger.closing import ask_to_close, make_periods, soft_close  # noqa: E402
from apps.ledger.models import Closing, Period  # noqa: E402
from apps.reconciliation.models import Source  # noqa: E402
from apps.reconciliation.services.waiving import approve_waiver, request_waiver  # noqa: E402
from apps.registry.models import Provider  # noqa: E402
from bench.ledger_seed import PROVIDERS  # noqa: E402
from tests.jobs.workers import eventually  # noqa: E402

SILENT = ("own-servers",)  # they never send a bill


def main(first: date) -> None:
    """Nobody sent a bill until then: two people waive what the formats of all providers say."""
    for provider in Provider.objects.filter(slug__in=PROVIDERS):
        Source.objects.get_or_create(provider=provider, defaults={"format": "none"})
    finance, boss = (User.objects.get(username=name) for name in ("finance", "admin"))
    make_periods(zone=settings.REPORTING_TIME_ZONE, now=db_now())
    for month in Period.objects.filter(month__lt=first, status="open").order_by("month"):
        _waive(month, finance, boss, PROVIDERS)
        soft_close(month=month.month, by=finance)
        # Other processes are at work: a transaction of theirs may be older than the soft close.
        eventually(partial(_is_ready, month), seconds=60)
        closing = ask_to_close(month=month.month, by=boss, reason="before the first bill")
        eventually(partial(_is_closed, closing), seconds=120)
        print(month, "closed", flush=True)  # noqa: T201
    _waive(Period.objects.get(month=first), finance, boss, SILENT)


def _waive(month: Period, finance: User, boss: User, slugs: Iterable[str]) -> None:
    for provider in Provider.objects.filter(slug__in=slugs):
        asked = request_waiver(
            provider=provider, period=month, reason="No bill yet.", by=finance, now=db_now()
        )
        approve_waiver(waiver_id=asked.pk, by=boss, now=db_now())


def _is_ready(month: Period) -> bool:
    month.refresh_from_db()
    return not any(check.open for check in quick_checks(month))


def _is_closed(closing: Closing) -> bool:
    """By a worker, within seconds."""
    closing.refresh_from_db()
    if closing.faults:
        raise SystemExit("; ".join(closing.faults))
    return closing.status == "done"


if __name__ == "__main__":
    main(date.fromisoformat(sys.argv[1]))
