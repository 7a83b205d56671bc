"""Makers of rows. Each gives a complete, valid row; a test names only what it is about."""

import itertools
from datetime import UTC, datetime
from typing import Any

from apps.access.models import CostCenter, Service, Team, Tier
from apps.access.services import issue_key
from apps.registry.models import Deployment, Model, Price, Provider, UsageClass

_numbers = itertools.count(1)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def _slug(prefix: str) -> str:
    return f"{prefix}-{next(_numbers)}"


def make_tier(**values: Any) -> Tier:
    slug = values.pop("slug", None) or _slug("tier")
    defaults = {"name": slug, "requests_per_second": 0, "burst": 0}
    return Tier.objects.get_or_create(slug=slug, defaults=defaults | values)[0]


def make_service(slug: str | None = None, **values: Any) -> Service:
    slug = slug or _slug("service")
    team = (
        values.pop("team", None)
        or Team.objects.get_or_create(slug="shop-team", defaults={"name": "Shop"})[0]
    )
    cost_center = (
        values.pop("cost_center", None)
        or CostCenter.objects.get_or_create(slug="cc-100", defaults={"name": "Online shop"})[0]
    )
    tier = values.pop("tier", None) or make_tier(slug="unlimited")
    return Service.objects.create(
        slug=slug, name=slug, team=team, cost_center=cost_center, tier=tier, **values
    )


def make_key(service: Service, **values: Any) -> str:
    return issue_key(service=service, name="test", **values)[1]


def make_provider(base_url: str = "http://127.0.0.1:9/v1", **values: Any) -> Provider:
    slug = values.pop("slug", None) or _slug("provider")
    defaults = {"name": slug, "vendor": "compatible", "base_url": base_url}
    return Provider.objects.create(slug=slug, **(defaults | values))


def make_model(slug: str | None = None, **values: Any) -> Model:
    slug = slug or _slug("model")
    defaults = {"name": slug, "context_window": 8192, "max_output_tokens": 1024}
    return Model.objects.create(slug=slug, **(defaults | values))


def make_deployment(
    *, provider: Provider | None = None, model: Model | None = None, **values: Any
) -> Deployment:
    slug = values.pop("slug", None) or _slug("deployment")
    model = model or make_model()
    defaults = {"name": slug, "upstream_name": model.slug}
    return Deployment.objects.create(
        slug=slug, provider=provider or make_provider(), model=model, **(defaults | values)
    )


def make_price(deployment: Deployment, usage_class: str, price_pico: int, **values: Any) -> Price:
    defaults = {"valid": (EPOCH, None), "source": "test"}
    return Price.objects.create(
        deployment=deployment,
        usage_class=usage_class,
        price_pico=price_pico,
        **(defaults | values),
    )


def make_priced_deployment(
    *, input_pico: int = 150_000, output_pico: int = 600_000, **values: Any
) -> Deployment:
    """A deployment with prices for plain input and output (pico-USD a token)."""
    deployment = make_deployment(**values)
    make_price(deployment, UsageClass.IN_UNCACHED, input_pico)
    make_price(deployment, UsageClass.OUT_TEXT, output_pico)
    return deployment
