"""A deployment with everything that it needs, in one step: for scripts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.core.money import Pico
from apps.core.upsert import Change, upsert
from apps.registry.models import Deployment, Model, UsageClass
from apps.registry.selectors import valid_prices
from apps.registry.services.prices import set_price

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
    if model_slug:
        try:
            upsert(Model, lookup={"slug": model_slug}, values=model_values)
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
    return row, "updated" if change == "unchanged" and any(changed) else change


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
