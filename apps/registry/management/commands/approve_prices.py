"""Approve every open price proposal, in the name of a user who may."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandParser
from django.utils import timezone

from apps.core.commands import ConfigCommand
from apps.registry.services import approve_all

PERMISSION = "registry.approve_price"


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--all", action="store_true", required=True, help="All open ones.")
        parser.add_argument("--by", required=True, metavar="USER", help="Who answers for it.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        user = get_user_model()._default_manager.filter(username=options["by"]).first()
        if user is None or not user.has_perm(PERMISSION):
            raise ValueError(f"There is no user “{options['by']}” with {PERMISSION}.")
        rows = approve_all(by=user.get_username(), now=timezone.now())
        return {"approved": len(rows), "by": user.get_username()}
