"""How long answers are fresh, and when one past its time stands in."""

from datetime import timedelta

import pytest

from apps.cache.models import CacheRule
from apps.cache.snapshot import read_cache
from apps.cache.types import Lifetime
from apps.core import clock
from apps.core.redis import client
from apps.gateway.types import CallRefused
from apps.ledger.models import Entry
from apps.prompts.models import Prompt


@pytest.fixture
def later(runtime):
    """Make the cache believe that some seconds have passed."""

    def move(seconds):
        runtime.pipeline._cache.clock = lambda: clock.now() + timedelta(seconds=seconds)

    return move


def rule(shop, **values):
    CacheRule.objects.all().delete()
    return CacheRule.objects.create(service=shop, **values)


def test_an_answer_is_fresh_as_long_as_its_rule_says(call_pipeline, shop, upstream, later):
    rule(shop, ttl_seconds=60)
    call_pipeline()
    later(59)
    assert call_pipeline().cache == "hit"
    later(61)
    assert call_pipeline().cache == "miss"


def test_a_rule_that_was_shortened_holds_for_what_is_stored(call_pipeline, shop, upstream, later):
    rule(shop, ttl_seconds=600)
    call_pipeline()
    rule(shop, ttl_seconds=30)
    later(31)

    assert call_pipeline().cache == "miss"


def test_nothing_is_kept_or_shared_where_the_rule_says_so(call_pipeline, shop, upstream):
    rule(shop, ttl_seconds=0)

    assert [call_pipeline().cache for _ in range(2)] == ["miss", "miss"]
    assert not client().keys("cache:*")
    with pytest.raises(CallRefused, match="No cached answer"):
        call_pipeline(cache="only")


def test_the_most_specific_rule_counts(shop):
    prompt = Prompt.objects.create(slug="greeting", name="Greeting")
    CacheRule.objects.create(prompt=prompt, service=shop, ttl_seconds=1)
    CacheRule.objects.create(prompt=prompt, ttl_seconds=2)
    CacheRule.objects.create(service=shop, ttl_seconds=3, stale_seconds=9)

    def found(prompt, service):
        return read_cache().lifetime(prompt=prompt, service=service, default=Lifetime(4))

    assert found("greeting", "shop") == Lifetime(1)
    assert found("greeting", "other") == Lifetime(2)
    assert found("another", "shop") == Lifetime(3, 9)
    assert found("", "other") == Lifetime(4)


def test_when_every_route_is_dead_an_old_answer_stands_in(call_pipeline, shop, upstream, later):
    rule(shop, ttl_seconds=60, stale_seconds=300)
    first = call_pipeline()
    upstream.behave(status=500)
    later(200)

    stale = call_pipeline(seconds=60)

    assert (stale.cache, stale.text, stale.cost_pico) == ("stale", first.text, 0)
    assert Entry.objects.get(kind="cache_hit").avoided_pico == first.cost_pico
    later(361)
    with pytest.raises(CallRefused):
        call_pipeline(seconds=60)


def test_no_old_answer_stands_in_unless_the_rule_allows_it(call_pipeline, shop, upstream, later):
    rule(shop, ttl_seconds=60)
    call_pipeline()
    upstream.behave(status=500)
    later(61)

    with pytest.raises(CallRefused) as refused:
        call_pipeline(seconds=60)
    assert refused.value.code == "provider_failed"


def test_an_old_answer_does_not_replace_a_refusal_that_is_the_callers_own(
    call_pipeline, shop, upstream, later
):
    rule(shop, ttl_seconds=60, stale_seconds=300)
    call_pipeline()
    upstream.behave(status=400)
    later(61)

    with pytest.raises(CallRefused) as refused:
        call_pipeline()
    assert refused.value.status == 400


def test_a_living_route_is_asked_before_an_old_answer_is_given(
    call_pipeline, shop, upstream, later
):
    rule(shop, ttl_seconds=60, stale_seconds=300)
    call_pipeline()
    later(61)

    assert call_pipeline().cache == "miss"
    assert len(upstream.log()) == 2
