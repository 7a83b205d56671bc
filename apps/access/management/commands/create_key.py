"""Issue an API key for a service. It is printed once and stored nowhere."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.access.models import Service
from apps.access.services import issue_key
from apps.core.commands import ConfigCommand
from apps.core.upsert import find


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("service", metavar="SERVICE", help="Slug of the service.")
        parser.add_argument("--name", required=True, help="What uses it.")
        parser.add_argument("--expires-in-days", type=int, help="Default: never.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        days = options["expires_in_days"]
        row, key = issue_key(
            service=find(Service, options["service"], field="service"),
            name=options["name"],
            expires_at=None if days is None else timezone.now() + timedelta(days=days),
        )
        return {"service": options["service"], "name": row.name, "prefix": row.prefix, "key": key}

    def as_text(self, result: Mapping[str, Any]) -> str:
        return str(result["key"])
