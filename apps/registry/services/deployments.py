"""A deployment with everything that it needs, in one step: for scripts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.money import Pico
from apps.core.upsert import Change, upsert
from apps.registry.models import Deployment, Model, ModelKind, UsageClass
from apps.registry.selectors import valid_prices
from apps.registry.services.prices import set_price
from apps.registry.tiers import DEFAULT_TIER

SOURCE = "create_deployment"
# Cached input and reasoning get prices too: what has none could not be charged.
INPUT = (UsageClass.IN_UNCACHED, UsageClass.IN_CACHE_READ)
OUTPUT = (UsageClass.OUT_TEXT, UsageClass.OUT_REASONING)


@transaction.atomic
def put_deployment(
    *,
    slug: str,
    values: Mapping[str, Any],
    model_values: Mapping[str, Any],
    input_pico: Pico | None,
    output_pico: Pico | None,
    now: datetime,
) -> tuple[Deployment, Change]:
    """Make or change a deployment and its model; prices are pico-USD a token, None: as they are.

    In `values`, `provider` and `model` are slugs; a model that is new is made from
    `model_values`. Raises `ValidationError` with every fault, `PriceRefused`.
    """
    faults: dict[str, Any] = {}
    known = Deployment.objects.filter(slug=slug).select_related("model").first()
    model_slug = values.get("model") or (known.model.slug if known else "")
    model_change: Change = "unchanged"
    if model_slug:
        try:
            model_change = _put_model(model_slug, model_values)
        except ValidationError as error:
            faults |= {f"model {name}": texts for name, texts in error.message_dict.items()}
    try:
        row, change = upsert(Deployment, lookup={"slug": slug}, values=values)
    except ValidationError as error:
        # A model that could not be made is missing because of the faults named already.
        texts = error.message_dict
        raise ValidationError(
            faults | {name: texts[name] for name in texts if not (faults and name == "model")}
        ) from error
    if faults:
        raise ValidationError(faults)
    changed = [
        _price_all(row, classes, price, now)
        for classes, price in ((INPUT, input_pico), (OUTPUT, output_pico))
        if price is not None
    ]
    if changed:
        _check_prices(row, now)
    is_changed = any(changed) or model_change != "unchanged"
    return row, "updated" if change == "unchanged" and is_changed else change


def _put_model(slug: str, values: Mapping[str, Any]) -> Change:
    try:
        return upsert(Model, lookup={"slug": slug}, values=values)[1]
    except ValidationError as error:
        faults = error.message_dict
        if values.get("context_window") is None and "context_window" in faults:
            faults["context_window"] = ["A new model needs it, in tokens: give --context-window."]
        raise ValidationError(faults) from error


def _check_prices(deployment: Deployment, now: datetime) -> None:
    """Half a price is none: calls could not be charged, and a hard budget would refuse them."""
    rows = valid_prices(deployment=deployment, at=now)
    priced = {row.usage_class for row in rows if row.service_tier == DEFAULT_TIER}
    sides = {"input": INPUT}
    if deployment.model.kind == ModelKind.CHAT:
        sides["output"] = OUTPUT
    text = "It would have no price: give --{}-usd-per-mtok too, 0 if it is free."
    missing = [side for side, classes in sides.items() if not priced.issuperset(classes)]
    if missing:
        raise ValidationError({f"{side}_usd_per_mtok": text.format(side) for side in missing})


def _price_all(
    deployment: Deployment, classes: tuple[UsageClass, ...], price_pico: Pico, now: datetime
) -> bool:
    """Whether one of the prices is new."""
    known = {row.pk for row in valid_prices(deployment=deployment, at=now)}
    rows = [
        set_price(
            deployment=deployment,
            usage_class=usage_class,
            price_pico=price_pico,
            source=SOURCE,
            now=now,
        )
        for usage_class in classes
    ]
    return any(row.pk not in known for row in rows)
