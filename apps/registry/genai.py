"""Prices from the data that the `genai-prices` package carries: suggestions, never the truth.

Only its prices of the standard tier: whole pico-dollars a token, the same at any time of the day.
Everything else is named as skipped, so that a person can set it by hand.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import (
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    StartDateConstraint,
    TieredPrices,
)

from apps.core.money import PICO
from apps.registry.types import DeploymentFacts, ProposedPrice, Skipped

SOURCE = f"genai-prices {version('genai-prices')}"
PICO_PER_TOKEN = 10**6  # dollars a million tokens → pico-dollars a token
_VENDORS = {"openai": "openai", "azure": "azure"}
# Usage class → the keys of the package, the first that has a price. A class without a price of
# its own is billed like the whole that it is part of (that is also how the package counts).
_KEYS = {
    "in_uncached": ("input_mtok",),
    "in_cache_read": ("cache_read_mtok", "input_mtok"),
    "in_cache_write": ("cache_write_mtok",),
    "in_cache_write_1h": ("cache_write_1h_mtok",),
    "in_audio": ("input_audio_mtok",),
    "in_image": ("input_image_mtok",),
    "out_text": ("output_mtok",),
    "out_reasoning": ("output_reasoning_mtok", "output_mtok"),
    "out_audio": ("output_audio_mtok",),
    "out_image": ("output_image_mtok",),
}
_BY_THOUSAND = {"requests": "requests_kcount", "web_search": "web_searches_kcount"}


def suggest(
    deployment: DeploymentFacts, *, at: datetime
) -> tuple[list[ProposedPrice], list[Skipped]]:
    """Prices of the deployment at that time, and what could not be used."""
    try:
        prices = _prices(_find(deployment), at)
    except LookupError as error:
        return [], [Skipped(deployment.slug, deployment.upstream_name, str(error))]
    found = list(_rows(deployment, prices))
    return (
        [row for row in found if isinstance(row, ProposedPrice)],
        [row for row in found if isinstance(row, Skipped)],
    )


def _find(deployment: DeploymentFacts) -> ModelInfo:
    """Raises `LookupError`."""
    vendor = _VENDORS.get(deployment.vendor)
    address = None if vendor else deployment.base_url
    try:
        return get_snapshot().find_provider_model(deployment.upstream_name, None, vendor, address)[
            1
        ]
    except LookupError as error:
        raise LookupError("genai-prices does not know this provider and model") from error


def _prices(model: ModelInfo, at: datetime) -> ModelPrice:
    """Raises `LookupError` for prices that change with the time of the day."""
    if isinstance(model.prices, list) and any(map(_is_daily, model.prices)):
        raise LookupError("its price depends on the time of the day")
    return model.get_prices(at)


def _is_daily(price: ConditionalPrice) -> bool:
    return price.constraint is not None and not isinstance(price.constraint, StartDateConstraint)


def _is_given(price: object) -> bool:
    return price is not None  # 0 is a price


def _rows(deployment: DeploymentFacts, prices: ModelPrice) -> Iterator[ProposedPrice | Skipped]:
    for usage_class, keys in _KEYS.items():
        if deployment.model.kind == "embedding" and usage_class != "in_uncached":
            continue
        price = next(filter(_is_given, (getattr(prices, key) for key in keys)), None)
        if price is not None:
            yield from _steps(deployment, usage_class, price)
    for usage_class, key in _BY_THOUSAND.items():
        price = getattr(prices, key)
        if price is not None and (usage_class != "web_search" or deployment.searches_at_most):
            yield _row(deployment, usage_class, price * PICO, per_block=1000)


def _steps(
    deployment: DeploymentFacts, usage_class: str, price: Decimal | TieredPrices
) -> Iterator[ProposedPrice | Skipped]:
    """A price by the length of the input is several rows. The package's steps begin above their
    number of tokens, ours at it."""
    if not isinstance(price, TieredPrices):
        yield _row(deployment, usage_class, price * PICO_PER_TOKEN)
        return
    yield _row(deployment, usage_class, price.base * PICO_PER_TOKEN)
    for tier in price.tiers:
        yield _row(deployment, usage_class, tier.price * PICO_PER_TOKEN, step=tier.start + 1)


def _row(
    deployment: DeploymentFacts,
    usage_class: str,
    pico: Decimal,
    *,
    per_block: int = 1,
    step: int = 0,
) -> ProposedPrice | Skipped:
    if pico != pico.to_integral_value():
        price = pico / PICO_PER_TOKEN
        reason = f"${price}/M is no whole pico-dollar a token"
        return Skipped(deployment.slug, usage_class, reason)
    return ProposedPrice(
        deployment=deployment.slug,
        usage_class=usage_class,
        price_pico=int(pico),
        per_block=per_block,
        source=SOURCE,
        min_input_tokens=step,
    )
