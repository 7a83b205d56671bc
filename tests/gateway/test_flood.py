"""One real gateway process under a flood of two tiers: the less important one is refused, at once
and before anything is spent; the other is answered."""

import asyncio

import pytest

from apps.budgets.models import Hold
from apps.ledger.models import Attempt
from bench.flood import flood
from tests.factories import make_key, make_service, make_tier
from tests.servers import served

CALLERS = 200


@pytest.mark.slow
def test_the_important_are_answered_while_the_others_are_refused(shop, clean_redis, upstream):
    premium = make_service(tier=make_tier(slug="premium", importance=1))
    keys = {"standard": make_key(shop), "premium": make_key(premium)}
    with served("asgi", "llmplatform.asgi:application", LOG_LEVEL="ERROR") as url:
        heard = asyncio.run(flood(url, keys, callers=CALLERS, seconds=10))

    standard, important = heard["standard"], heard["premium"]
    assert set(important.statuses) == {200}
    assert set(standard.statuses) == {200, 503}, "some fit: no more are refused than must be"
    assert standard.without_retry_after == 0
    answered = standard.statuses[200] + important.statuses[200]
    assert answered == len(upstream.log()) == Attempt.objects.filter(status="succeeded").count()
    assert Attempt.objects.count() == answered
    assert not Hold.objects.filter(status="held").exists()
