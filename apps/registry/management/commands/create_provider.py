"""Make or change a provider: a vendor account with an address and a credential."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from apps.core.commands import ConfigCommand
from apps.core.upsert import upsert
from apps.registry.models import Provider, Vendor


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", help="Name shown to people; default: the slug.")
        parser.add_argument("--vendor", help=f"One of: {', '.join(Vendor.values)}.")
        parser.add_argument("--base-url", help="e.g. https://api.openai.com/v1")
        parser.add_argument("--secret-ref", help="env:NAME or file:/path; default: none needed.")
        parser.add_argument("--api-version", help="Azure only.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        names = ("name", "vendor", "base_url", "secret_ref", "api_version")
        provider, change = upsert(
            Provider,
            lookup={"slug": options["slug"]},
            values={name: options[name] for name in names},
        )
        return {"provider": provider.slug, "change": change}
