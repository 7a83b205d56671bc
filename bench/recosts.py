"""How long a what-if over a million calls takes, and how fast a recost is booked:
`python -m bench.recosts` against an empty database of the settings, which it fills."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402

from apps.core.clock import db_now  # noqa: E402
from apps.registry.models import Deployment, Model, Price, Provider  # noqa: E402
from apps.registry.types import PriceRow  # noqa: E402
from apps.repricing.booking import book_all  # noqa: E402
from apps.repricing.models import Recost  # noqa: E402
from apps.repricing.preview import preview  # noqa: E402
from apps.repricing.segments import segments  # noqa: E402
from apps.repricing.services import approve_recost, request_recost  # noqa: E402
from apps.repricing.types import Rate, RepricingRefused  # noqa: E402

CALLS, DEPLOYMENTS, RECOST_DAYS = 1_000_000, 12, 8
START, END = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
# Of each call: 1,000 tokens in, 200 out, a web search every tenth time, at 0.15, 0.6 and 10,000
# dollars a million.
_ATTEMPTS = """
    INSERT INTO ledger_attempt (id, request_id, number, purpose, status, started_at, ended_at,
        error_kind, error, provider_request_id, tags, service, team, cost_center, provider, model,
        deployment, prompt, prompt_version, arm)
    SELECT gen_random_uuid(), 'r' || n, 1, 'answer', 'succeeded', sent, sent + interval '2 s',
        '', '', '', '[]', 'service-' || n %% 30, 'team', 'centre', 'bench', 'm-' || n %% %(ways)s,
        'd-' || n %% %(ways)s, 'prompt-' || n %% 200, 1, ''
    FROM generate_series(1, %(calls)s) n, LATERAL (
        SELECT %(start)s::timestamptz + n * interval '31 days' / (%(calls)s + 1) AS sent
    ) at
"""
_ENTRIES = """
    INSERT INTO ledger_entry (id, at, kind, purpose, amount_pico, avoided_pico, input_tokens,
        output_tokens, lines, tags, attempt_id, request_id, reason, actor, service, team,
        cost_center, provider, model, deployment, prompt, prompt_version, arm)
    SELECT gen_random_uuid(), ended_at, 'charge', 'answer',
        270000000 + CASE WHEN searched THEN 10000000000 ELSE 0 END, 0, 1000, 200,
        '[{"usage_class": "in_uncached", "quantity": 1000, "price_pico": 150000, "per_block": 1,
           "price_id": 1, "amount_pico": 150000000},
          {"usage_class": "out_text", "quantity": 200, "price_pico": 600000, "per_block": 1,
           "price_id": 2, "amount_pico": 120000000}]'::jsonb || CASE WHEN searched THEN
        '[{"usage_class": "web_search", "quantity": 1, "price_pico": 10000000000000,
           "per_block": 1000, "price_id": 3, "amount_pico": 10000000000}]'::jsonb
        ELSE '[]'::jsonb END,
        '[]', id, request_id, '', '', service, team, cost_center, provider, model, deployment,
        prompt, prompt_version, arm
    FROM ledger_attempt, LATERAL (SELECT right(request_id, 1) = '0' AS searched) it
"""


def fill() -> list[Rate]:
    provider = Provider.objects.create(slug="bench", name="bench", base_url="http://127.0.0.1:9")
    size = {"context_window": 200_000, "max_output_tokens": 8192}
    for number in range(DEPLOYMENTS):
        model = Model.objects.create(slug=f"m-{number}", name=f"m-{number}", **size)
        names = {"slug": f"d-{number}", "name": f"d-{number}", "upstream_name": "m"}
        row = Deployment.objects.create(provider=provider, model=model, **names)
        for name, pico, block in (
            ("in_uncached", 150_000, 1),
            ("out_text", 600_000, 1),
            ("web_search", 10**13, 1000),
        ):
            valid = (datetime(2020, 1, 1, tzinfo=UTC), None)
            of = {"deployment": row, "usage_class": name, "source": "bench", "valid": valid}
            Price.objects.create(price_pico=pico, per_block=block, **of)
    with connection.cursor() as cursor:
        values = {"calls": CALLS, "ways": DEPLOYMENTS, "start": START}
        cursor.execute(_ATTEMPTS, values)
        cursor.execute(_ENTRIES)
        cursor.execute("ANALYZE ledger_attempt, ledger_entry, ledger_entrykey")
    return [rate(number) for number in range(DEPLOYMENTS)]


def rate(number: int) -> Rate:
    row = PriceRow(
        price_id=-1 - number,
        usage_class="in_uncached",
        price_pico=140_000,
        per_block=1,
        valid_from=None,
        valid_to=None,
    )
    return Rate(f"d-{number}", row, "bench")


def timed(what: str, run: Callable[[], object]) -> None:
    began = time.monotonic()
    found = run()
    print(f"{what:48} {time.monotonic() - began:7.1f} s  {found}", flush=True)


def seen(rates: list[Rate]) -> str:
    found = segments(rates=rates, start=START, end=END)
    try:
        shown = preview(rates=rates, found=found, start=START, end=END)
    except RepricingRefused as error:
        return str(error)
    return f"{shown.entries:,} entries, {shown.difference_pico:,} pico-USD"


def main() -> None:
    rates = fill()
    for _ in range(3):
        timed("what if, a month of one deployment", lambda: seen(rates[:1]))
    for _ in range(3):
        timed("what if, a month of all deployments", lambda: seen(rates))
    asks, approves = (User.objects.create_user(name) for name in ("asks", "approves"))
    timed(f"asking for a recost of two in {RECOST_DAYS} days", lambda: ask(rates[:2], asks))
    recost = Recost.objects.get()
    approve_recost(recost_id=recost.pk, by=approves, now=db_now())
    timed("booking it", book_all)


def ask(rates: list[Rate], by: User) -> Recost:
    until = START.replace(day=1 + RECOST_DAYS)
    said = {"zone": "UTC", "reason": "bench", "by": by, "now": db_now()}
    return request_recost(rates=rates, start=START, end=until, **said)


if __name__ == "__main__":
    main()
