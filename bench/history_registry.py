"""The rows that a history refers to: who called, what answered, and at which prices."""

from datetime import UTC, datetime

from bench.ledger_seed import (
    CENTRES,
    CLASSES,
    MODELS,
    PROVIDERS,
    REGIONS,
    SERVICES,
    TOPICS,
    Year,
    deployment,
    price_pico,
    provider_of,
)

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
SOURCES = ("contract 2025", "contract 2026", "letter of the provider")


def make_registry(year: Year) -> list[int]:
    """Ids of the price rows by model, region, class and period, as `Year.price_ids` wants them."""
    from django.db import transaction

    with transaction.atomic():
        _make_callers()
        return _make_models(year)


def _make_callers() -> None:
    from apps.access.models import CostCenter, Service, Team, Tier

    tier = Tier.objects.get_or_create(
        slug="standard", defaults={"name": "Standard", "requests_per_second": 50, "burst": 100}
    )[0]
    centres = {slug: _named(CostCenter, slug) for slug in sorted({*CENTRES.values()})}
    teams = {slug: _named(Team, slug) for slug in CENTRES}
    for number, slug in enumerate(SERVICES):
        team = list(TOPICS.values())[number % len(TOPICS)]
        Service.objects.create(
            slug=slug,
            name=slug.replace("-", " ").capitalize(),
            team=teams[team],
            cost_center=centres[CENTRES[team]],
            tier=tier,
        )


def _named(model: type, slug: str):  # type: ignore[no-untyped-def]
    return model.objects.create(slug=slug, name=slug.replace("-", " ").capitalize())  # type: ignore[attr-defined]


def _make_models(year: Year) -> list[int]:
    from apps.registry.models import Deployment, Model, Price, Provider, Vendor

    vendors = {"openai": Vendor.OPENAI, "azure": Vendor.AZURE}
    providers = {
        slug: Provider.objects.create(
            slug=slug,
            name=slug.replace("-", " ").capitalize(),
            vendor=vendors.get(slug, Vendor.COMPATIBLE),
            base_url="https://models.invalid/v1",
            active=False,  # nobody is called
        )
        for slug in PROVIDERS
    }
    starts = [EPOCH, *year.price_starts]
    ids: list[int] = []
    for number, slug in enumerate(MODELS):
        model = Model.objects.create(
            slug=slug, name=slug.capitalize(), context_window=128_000, max_output_tokens=8_000
        )
        for second in range(len(REGIONS)):
            made = Deployment.objects.create(
                slug=deployment(number, second),
                name=deployment(number, second),
                provider=providers[provider_of(number, second)],
                model=model,
                upstream_name=slug,
                region=REGIONS[second],
            )
            for usage_class in CLASSES:
                amounts = [price_pico(number, usage_class, period) for period in range(3)]
                for period, amount in enumerate(amounts):
                    if period and amount == amounts[period - 1]:
                        ids.append(ids[-1])
                        continue
                    later = [n for n in range(period + 1, 3) if amounts[n] != amount]
                    row = Price.objects.create(
                        deployment=made,
                        usage_class=usage_class,
                        price_pico=amount,
                        valid=(starts[period], starts[later[0]] if later else None),
                        source=SOURCES[period],
                    )
                    ids.append(row.pk)
    return ids
