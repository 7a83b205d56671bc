"""Make or change a service, with the team, cost centre and tier that it names."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from apps.access.services import put_service
from apps.core.commands import ConfigCommand


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", help="Name shown to people; default: the slug.")
        parser.add_argument("--team", required=True, help="Slug; made when it is new.")
        parser.add_argument("--cost-center", required=True, help="Slug; made when it is new.")
        parser.add_argument("--tier", default="standard", help="Slug of a tier that exists.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        service, change = put_service(
            slug=options["slug"],
            name=options["name"],
            team=options["team"],
            cost_center=options["cost_center"],
            tier=options["tier"],
        )
        return {"service": service.slug, "change": change}
