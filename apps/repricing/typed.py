"""A price as an address has it: `DEPLOYMENT:CLASS:TIER:FROM TOKENS:USD A MILLION UNITS`."""

from collections.abc import Container

from django.core.exceptions import ValidationError
from django.http import QueryDict

from apps.core.money import Pico, pico_from_usd, plain_usd
from apps.registry.models import UsageClass
from apps.registry.pricing import MILLION
from apps.registry.tiers import DEFAULT_TIER, tier_fault
from apps.registry.types import PriceRow
from apps.repricing.types import Rate

FIELDS = ("deployment", "usage_class", "service_tier", "min_input_tokens", "usd")
SOURCE = "typed"


def from_fields(parameters: QueryDict) -> list[str]:
    """The price that stands in the fields of a form, if one does."""
    deployment, name, tier, tokens, usd = (parameters.get(one, "").strip() for one in FIELDS)
    if not usd:
        return []
    return [":".join((deployment, name, tier or DEFAULT_TIER, tokens or "0", usd))]


def read_typed(text: str, *, deployments: Container[str]) -> Rate:
    """Raises `ValidationError` with the first fault."""
    parts = text.split(":")
    _require(len(parts) == len(FIELDS), "Write deployment:class:tier:from tokens:USD a million.")
    deployment, name, tier, tokens, usd = parts
    _require(deployment in deployments, "There is no such deployment.")
    _require(name in UsageClass.values, f"Choose a usage class: {', '.join(UsageClass)}.")
    fault = tier_fault(tier)
    _require(not fault, fault)
    is_count = tokens.isascii() and tokens.isdecimal() and len(tokens) < 10
    _require(is_count, "“From tokens” is a whole number.")
    row = PriceRow(
        price_id=0,
        usage_class=name,
        price_pico=_of_one_unit(usd),
        per_block=1,
        valid_from=None,
        valid_to=None,
        service_tier=tier,
        min_input_tokens=int(tokens),
    )
    return Rate(deployment, row, SOURCE)


def _of_one_unit(usd: str) -> Pico:
    amount = pico_from_usd(plain_usd(usd))
    _require(amount >= 0, "A price is not negative.")
    _require(amount % MILLION == 0, "A price for a million units has six decimals at most.")
    _require(amount // MILLION < 2**63, "A price is less than 9.2 trillion dollars a million.")
    return amount // MILLION


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise ValidationError(fault)
