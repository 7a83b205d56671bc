"""Propose prices from the data of genai-prices. A person approves them in the admin."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.core.commands import ConfigCommand
from apps.core.money import short_usd
from apps.registry.pricing import MILLION
from apps.registry.services.imports import import_prices


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--provider", default="", help="Slug; default: all.")
        parser.add_argument("--deployment", default="", help="Slug; default: all.")
        parser.add_argument("--dry-run", action="store_true", help="Store nothing.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        result = import_prices(
            provider=options["provider"],
            deployment=options["deployment"],
            dry_run=options["dry_run"],
            now=timezone.now(),
        )
        return asdict(result) | {"dry_run": options["dry_run"]}

    def as_text(self, result: Mapping[str, Any]) -> str:
        lines = [
            f"proposed  {row['deployment']} {row['usage_class']}{_step(row)}: "
            f"{short_usd(row['price_pico'] * MILLION // row['per_block'])} a million"
            for row in result["proposed"]
        ]
        lines += [
            f"skipped   {row['deployment']} {row['what']}: {row['reason']}"
            for row in result["skipped"]
        ]
        stored = "nothing stored" if result["dry_run"] else "waiting for approval"
        summary = f"{len(result['proposed'])} proposed ({stored}), {result['unchanged']} known"
        return "\n".join([*lines, f"{summary}, {len(result['skipped'])} skipped."])


def _step(row: Mapping[str, Any]) -> str:
    return f" from {row['min_input_tokens']} tokens on" if row["min_input_tokens"] else ""
