"""Make or change a deployment, its model and, if given, its prices from now on."""

from argparse import BooleanOptionalAction
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone

from apps.core.commands import ConfigCommand
from apps.core.money import Pico, pico_from_usd
from apps.registry.models import ModelKind
from apps.registry.pricing import MILLION
from apps.registry.services import put_deployment

_MODEL: dict[str, dict[str, Any]] = {
    "kind": {"help": f"{' or '.join(ModelKind.values)}; default: chat."},
    "context_window": {"type": int, "help": "Tokens; needed when the model is new."},
    "max_output": {"type": int, "help": "Tokens."},
    "tokenizer": {"help": "o200k_base or cl100k_base: with it, what cannot fit is refused."},
}
_ABILITIES: dict[str, dict[str, Any]] = {
    "tools": {"help": "The model can call functions."},
    "json_schema": {"help": "The model answers by a JSON Schema."},
    "images": {"help": "The model reads images."},
}
_DEPLOYMENT: dict[str, dict[str, Any]] = {
    "name": {"help": "Name shown to people; default: the slug."},
    "provider": {"help": "Slug of a provider that exists."},
    "model": {"help": "Slug; made when it is new."},
    "upstream_name": {"help": "Its name at the provider."},
    "region": {},
    "priority": {"type": int, "help": "Lower is tried first."},
}
_PRICES: dict[str, dict[str, Any]] = {
    "input_usd_per_mtok": {"help": "Dollars for a million input tokens, cached ones included."},
    "output_usd_per_mtok": {"help": "Dollars for a million output tokens."},
}


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")
        for name, settings in (_DEPLOYMENT | _MODEL | _PRICES).items():
            parser.add_argument(f"--{name.replace('_', '-')}", **settings)
        for name, settings in _ABILITIES.items():
            flag = f"--{name.replace('_', '-')}"
            parser.add_argument(flag, action=BooleanOptionalAction, **settings)

    def run(self, **options: Any) -> Mapping[str, Any]:
        deployment, change = put_deployment(
            slug=options["slug"],
            values={name: options[name] for name in _DEPLOYMENT},
            model_values={
                "kind": options["kind"],
                "context_window": options["context_window"],
                "max_output_tokens": options["max_output"],
                "tokenizer": options["tokenizer"],
                **{f"supports_{name}": options[name] for name in _ABILITIES},
            },
            **_prices(options),
            now=timezone.now(),
        )
        return {
            "deployment": deployment.slug,
            "model": deployment.model.slug,
            "provider": deployment.provider.slug,
            "change": change,
        }


def _prices(options: Mapping[str, Any]) -> dict[str, Pico | None]:
    """Pico-USD a token. Raises `ValidationError` with the faults of both."""
    prices: dict[str, Pico | None] = {}
    faults = {}
    for name in _PRICES:
        try:
            prices[name.replace("usd_per_mtok", "pico")] = _price(options[name])
        except (ArithmeticError, ValidationError):
            faults[name] = "Give dollars with at most six decimals, e.g. 0.15."
    if faults:
        raise ValidationError(faults)
    return prices


def _price(usd_per_mtok: str | None) -> Pico | None:
    if usd_per_mtok is None:
        return None
    dollars = Decimal(usd_per_mtok)
    if dollars < 0:
        raise ValidationError("negative")
    return pico_from_usd(dollars / MILLION)
