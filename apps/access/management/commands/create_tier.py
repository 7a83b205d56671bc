"""Make or change a tier of rate limits. 0 means unlimited."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from apps.access.models import Tier
from apps.core.commands import ConfigCommand
from apps.core.upsert import upsert


class Command(ConfigCommand):
    help = __doc__ or ""
    _NUMBERS = (
        "requests_per_second",
        "burst",
        "tokens_per_minute",
        "concurrent_calls",
        "importance",
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", help="Name shown to people; default: the slug.")
        for name in self._NUMBERS:
            parser.add_argument(f"--{name.replace('_', '-')}", type=int)

    def run(self, **options: Any) -> Mapping[str, Any]:
        names = ("name", *self._NUMBERS)
        tier, change = upsert(
            Tier, lookup={"slug": options["slug"]}, values={name: options[name] for name in names}
        )
        return {"tier": tier.slug, "change": change}
