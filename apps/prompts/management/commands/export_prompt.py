"""Write prompt versions as the text files that `import_prompt` reads.

One version goes to standard output; `--all` writes the version in use of every prompt, live or else
the newest sealed one, as FOLDER/<slug>.prompt.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.prompts import textfile
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.selectors import live_version, versions_in_use
from apps.prompts.services import export_version


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("slug", nargs="?")
        which.add_argument(
            "--all", type=Path, metavar="FOLDER", help="Each into a file of its own."
        )
        parser.add_argument("--number", type=int, help="Default: what is live.")

    def handle(self, **options: Any) -> None:
        if options["all"] is not None:
            self._write_all(options["all"])
            return
        prompt = Prompt.objects.filter(slug=options["slug"]).first()
        if prompt is None:
            raise CommandError(f"There is no prompt “{options['slug']}”.")
        version = _version(prompt, options["number"])
        self.stdout.write(textfile.write(export_version(version=version)), ending="")

    def _write_all(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        versions = versions_in_use(Prompt.objects.filter(archived=False))
        for version in versions:
            text = textfile.write(export_version(version=version))
            path = folder / f"{version.prompt.slug}.prompt"
            path.write_text(text, encoding="utf-8", newline="")
        self.stdout.write(f"{len(versions)} prompts written to {folder}.")


def _version(prompt: Prompt, number: int | None) -> PromptVersion:
    if number is None:
        found = live_version(prompt)
    else:
        found = prompt.versions.filter(number=number).first()
    if found is None:
        raise CommandError(f"{prompt} has no {'live version' if number is None else f'v{number}'}.")
    return found
