"""Print a prompt version as the JSON document that `import_prompt` reads."""

from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.selectors import live_version
from apps.prompts.services import export_version

CANONICAL = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--number", type=int, help="Default: what is live.")

    def handle(self, **options: Any) -> None:
        prompt = Prompt.objects.filter(slug=options["slug"]).first()
        if prompt is None:
            raise CommandError(f"There is no prompt “{options['slug']}”.")
        document = export_version(version=_version(prompt, options["number"]))
        self.stdout.write(orjson.dumps(document, option=CANONICAL).decode())


def _version(prompt: Prompt, number: int | None) -> PromptVersion:
    if number is None:
        found = live_version(prompt)
    else:
        found = prompt.versions.filter(number=number).first()
    if found is None:
        raise CommandError(f"{prompt} has no {'live version' if number is None else f'v{number}'}.")
    return found
