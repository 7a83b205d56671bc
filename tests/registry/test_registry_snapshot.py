"""What the pipeline reads of the registry."""

from datetime import UTC, datetime

import pytest

from apps.registry.snapshot import read_registry
from tests.factories import (
    EPOCH,
    make_deployment,
    make_model,
    make_priced_deployment,
    make_provider,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_it_holds_everything_in_a_few_queries(django_assert_num_queries):
    for _ in range(5):
        make_priced_deployment()

    with django_assert_num_queries(3):
        registry = read_registry()

    assert len(registry.deployments) == len(registry.models) == 5


def test_a_deployment_carries_what_a_call_needs():
    provider = make_provider(
        "http://llm:8080/v1", secret_ref="env:LLM_KEY", vendor="azure", api_version="2025-01-01"
    )
    row = make_priced_deployment(
        provider=provider, region="eu", read_timeout_seconds=7, slow_seconds="0.5",
        input_pico=15, output_pico=60,
    )  # fmt: skip

    facts = read_registry().deployments[row.slug]

    assert facts.model.slug == row.model.slug
    assert (facts.provider, facts.vendor, facts.base_url, facts.secret_ref, facts.api_version) == (
        provider.slug,
        "azure",
        "http://llm:8080/v1",
        "env:LLM_KEY",
        "2025-01-01",
    )
    assert (facts.region, facts.read_timeout, facts.connect_timeout) == ("eu", 7, 5)
    assert facts.slow_seconds == 0.5
    prices = {price.usage_class: price for price in facts.prices_at(NOW)}
    assert {name: price.price_pico for name, price in prices.items()} == {
        "in_uncached": 15,
        "out_text": 60,
    }
    assert prices["out_text"].valid_from == EPOCH
    assert prices["out_text"].valid_to is None


@pytest.mark.parametrize("off", ["deployment", "provider", "model"])
def test_one_switch_of_three_drains(off):
    deployment = make_deployment()
    row = deployment if off == "deployment" else getattr(deployment, off)
    row.active = False
    row.save()

    assert read_registry().deployments[deployment.slug].active is False


def test_deployments_of_a_model_come_by_priority_then_slug():
    model = make_model()
    for slug, priority in (("b", 10), ("a", 10), ("z", 1)):
        make_deployment(slug=slug, model=model, priority=priority)
    make_deployment(slug="other", priority=0)

    registry = read_registry()

    assert [row.slug for row in registry.deployments_of(model.slug)] == ["z", "a", "b"]
    assert registry.deployments_of("unknown") == ()
