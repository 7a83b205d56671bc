"""Fill the registry with suggested prices."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.upsert import find
from apps.registry import genai
from apps.registry.models import Deployment, Provider
from apps.registry.services.proposals import propose_prices
from apps.registry.snapshot import read_registry
from apps.registry.types import (
    DeploymentFacts,
    Drift,
    ImportResult,
    PriceRow,
    ProposedPrice,
    PublishedPrice,
    Skipped,
)


@transaction.atomic
def import_prices(
    *, provider: str = "", deployment: str = "", dry_run: bool = False, now: datetime
) -> ImportResult:
    """Propose what `genai-prices` knows for all deployments, or those named; again: no news.

    `dry_run` finds out without storing. Raises `ValidationError` for unknown names.
    """
    rows: list[ProposedPrice] = []
    skipped: list[Skipped] = []
    for facts in _deployments(provider, deployment):
        prices, unusable = genai.suggest(facts, at=now)
        rows += prices
        skipped += unusable
    proposed = propose_prices(rows=rows, now=now)
    if dry_run:
        transaction.set_rollback(True)
    return ImportResult(proposed, len(rows) - len(proposed), tuple(skipped))


def drift(*, now: datetime) -> Drift:
    """Every price that `genai-prices` knows for our deployments, beside ours. Stores nothing."""
    prices: list[PublishedPrice] = []
    skipped: list[Skipped] = []
    for facts in _deployments("", ""):
        published, unusable = genai.suggest(facts, at=now)
        ours = {_kind(row): row for row in facts.prices_at(now)}
        prices += [PublishedPrice(row, ours.get(_kind(row))) for row in published]
        skipped += unusable
    return Drift(genai.SOURCE, tuple(prices), tuple(skipped))


def _kind(row: ProposedPrice | PriceRow) -> tuple[str, str, int]:
    return row.usage_class, row.service_tier, row.min_input_tokens


def _deployments(provider: str, deployment: str) -> list[DeploymentFacts]:
    faults: dict[str, list[str]] = {}
    for name, model, slug in (
        ("provider", Provider, provider),
        ("deployment", Deployment, deployment),
    ):
        try:
            if slug:
                find(model, slug, field=name)
        except ValidationError as error:
            faults |= error.message_dict
    if faults:
        raise ValidationError(faults)
    return [
        facts
        for facts in read_registry().deployments.values()
        if provider in ("", facts.provider) and deployment in ("", facts.slug)
    ]
