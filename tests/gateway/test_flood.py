"""One real gateway process under a flood of two tiers: the less important one is refused, at once
and before anything is spent; the other is answered."""

import asyncio
from collections.abc import Iterator

import pytest

from apps.budgets.models import Hold
from apps.ledger.models import Attempt
from bench.flood import Heard, flood
from tests.factories import make_key, make_service, make_tier
from tests.servers import served

CALLERS = (200, 400, 600)  # how many are too many, the machine says


def floods(url: str, keys: dict[str, str]) -> Iterator[dict[str, Heard]]:
    """Larger and larger, until some of the less important are refused."""
    for callers in CALLERS:
        heard = asyncio.run(flood(url, keys, callers=callers, seconds=10))
        yield heard
        if set(heard["standard"].statuses) != {200}:
            return


@pytest.mark.slow
def test_the_important_are_answered_while_the_others_are_refused(shop, clean_redis, upstream):
    premium = make_service(tier=make_tier(slug="premium", importance=1))
    keys = {"standard": make_key(shop), "premium": make_key(premium)}
    with served("asgi", "llmplatform.asgi:application", LOG_LEVEL="ERROR") as url:
        heard = list(floods(url, keys))

    standard = heard[-1]["standard"]
    assert all(set(each["premium"].statuses) == {200} for each in heard)
    assert set(standard.statuses) == {200, 503}, "some fit: no more are refused than must be"
    assert standard.without_retry_after == 0
    answered = sum(tier.statuses[200] for each in heard for tier in each.values())
    assert answered == len(upstream.log()) == Attempt.objects.filter(status="succeeded").count()
    assert Attempt.objects.count() == answered
    assert not Hold.objects.filter(status="held").exists()
