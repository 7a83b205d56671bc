"""Drain a provider, model or deployment: new calls go elsewhere at once, running ones end."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.db.models import QuerySet

from apps.core.commands import ConfigCommand
from apps.registry.models import Deployment, Model, Provider
from apps.registry.services import set_active

KINDS: Mapping[str, type[Any]] = {"provider": Provider, "model": Model, "deployment": Deployment}


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("kind", choices=sorted(KINDS))
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--enable", action="store_true", help="Let new calls go there again.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        kind, slug = options["kind"], options["slug"]
        rows: QuerySet[Any] = KINDS[kind].objects.filter(slug=slug)
        if not rows.exists():
            raise ValidationError({kind: f"There is no {kind} “{slug}”."})
        changed = set_active(rows=rows, active=options["enable"])
        state = "enabled" if options["enable"] else "drained"
        return {kind: slug, "state": state, "change": "updated" if changed else "unchanged"}
