"""Make a prompt version of a JSON file; seal and release it when asked.

Repeating it with the same file changes nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.core import strict_json
from apps.core.commands import ConfigCommand
from apps.core.upsert import find
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel
from apps.prompts.services import import_version


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path)
        parser.add_argument("--seal", action="store_true", help="Make it immutable.")
        parser.add_argument(
            "--release", metavar="CHANNEL", help="Make it live there; needs --seal."
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        slug = options["release"]
        channel = find(Channel, slug, field="release") if slug else None
        try:
            version = import_version(
                document=_read(options["file"]),
                by=None,
                now=timezone.now(),
                seal=options["seal"],
                channel=channel,
            )
        except PromptError as error:
            raise ValueError("\n".join(map(str, error.faults))) from error
        return {
            "prompt": version.prompt.slug,
            "version": version.number,
            "status": version.status,
            "live_on": slug or "",
        }


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = strict_json.loads(file.read_bytes())
    except OSError as error:
        raise ValueError(f"Cannot read {file}: {error.strerror}.") from error
    if not isinstance(document, dict):
        raise ValueError(f"{file} must hold one JSON object.")
    return document
