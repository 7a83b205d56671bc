"""Make prompt versions of files; seal and release them when asked.

A file is what `export_prompt` writes, or the same as one JSON object; a folder stands for its
*.prompt and *.json files. What others include comes first. All or nothing, and repeating it changes
nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.core.commands import ConfigCommand
from apps.core.upsert import find
from apps.prompts import textfile
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel, PromptVersion
from apps.prompts.services import import_version, in_order
from apps.prompts.services.locks import lock_prompts

SUFFIXES = (".prompt", ".json")


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("files", type=Path, nargs="+", metavar="file")
        parser.add_argument("--seal", action="store_true", help="Make them immutable.")
        parser.add_argument(
            "--release", metavar="CHANNEL", help="Make them live there; needs --seal."
        )

    def run(self, **options: Any) -> Mapping[str, Any]:
        slug = options["release"]
        channel = find(Channel, slug, field="release") if slug else None
        documents = in_order(map(_read, _paths(options["files"])))
        lock_prompts({str(document.get("slug")) for document in documents})
        made = [_import(document, options["seal"], channel) for document in documents]
        if len(made) == 1:
            return {**_told(made[0]), "live_on": slug or ""}
        return {"prompts": list(map(str, made)), "live_on": slug or ""}


def _told(version: PromptVersion) -> dict[str, Any]:
    return {
        "prompt": version.prompt.slug,
        "version": version.number,
        "status": version.status,
    }


def _import(document: Mapping[str, Any], seal: bool, channel: Channel | None) -> PromptVersion:
    fragment = document.get("kind") == "fragment"
    try:
        return import_version(
            document=document,
            by=None,
            now=timezone.now(),
            seal=seal,
            channel=None if fragment else channel,
        )
    except PromptError as error:
        raise ValueError("\n".join(map(str, error.faults))) from error


def _paths(files: Iterable[Path]) -> Iterator[Path]:
    for file in files:
        if file.is_dir():
            yield from sorted(path for path in file.iterdir() if path.suffix in SUFFIXES)
        else:
            yield file


def _read(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ValueError(f"Cannot read {file}: {error.strerror}.") from error
    try:
        document = textfile.read_any(data)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    return document
