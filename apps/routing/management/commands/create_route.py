"""Make a route, or point it at other deployments; the first target is tried first."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from apps.core.commands import ConfigCommand
from apps.routing.services import put_route
from apps.routing.types import Strategy


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", help="Name shown to people; default: the slug.")
        parser.add_argument(
            "--target",
            action="extend",
            nargs="+",
            default=[],
            dest="targets",
            metavar="DEPLOYMENT",
            help="In the order in which they are tried.",
        )

        parser.add_argument("--strategy", help=f"One of: {', '.join(Strategy)}.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        route, change = put_route(
            slug=options["slug"],
            targets=options["targets"],
            name=options["name"],
            strategy=options["strategy"],
        )
        return {"route": route.slug, "targets": options["targets"], "change": change}
