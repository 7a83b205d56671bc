"""Drop cached answers: of a service by tag, prompt, model or key, or of all services by prompt or
model."""

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from apps.cache.services import invalidate
from apps.cache.types import EVERY_SERVICE, Handle, Scope
from apps.core.clock import db_now
from apps.core.commands import ConfigCommand

_HANDLES = (Handle.TAG, Handle.PROMPT, Handle.MODEL, Handle.KEY)


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--service", metavar="SLUG", help="Default: every service.")
        for handle in _HANDLES:
            parser.add_argument(f"--{handle}", help="Default: everything of the service.")
        parser.add_argument("--reason", required=True, help="Stands in the record.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        given = [handle for handle in _HANDLES if options[handle]]
        if len(given) > 1:
            raise ValueError(f"Give only one of --{' and --'.join(given)}.")
        handle = given[0] if given else Handle.SERVICE
        tenant = options["service"] or EVERY_SERVICE
        row = invalidate(
            scope=Scope(tenant, handle, options[handle] if given else ""),
            reason=options["reason"],
            actor="command line",
            now=db_now(),
        )
        return {"service": row.tenant, "by": row.handle, "name": row.name, "at_once": row.at_once}
