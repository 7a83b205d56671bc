"""Fill an empty platform with the sample shop."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.core import strict_json
from apps.dashboard import samples


class Command(BaseCommand):
    help = "Fill an empty platform with the sample shop: services, prompts, budgets, users."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--credentials",
            type=Path,
            required=True,
            help="New file (mode 0600) for the passwords and keys, which are stored nowhere else.",
        )
        for name in ("chat", "embeddings"):
            default = os.environ.get(f"EMBEDDED_{name.upper()}_URL")
            parser.add_argument(
                f"--{name}-url",
                default=default,
                help=f"OpenAI-compatible address for {name}; default: what `up` started.",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        chat_url, embeddings_url = options["chat_url"], options["embeddings_url"]
        if not (chat_url and embeddings_url):
            raise CommandError("Give --chat-url and --embeddings-url; no local model is running.")
        try:
            file = os.open(options["credentials"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise CommandError(f"{options['credentials']} exists; it is not replaced.") from error
        with os.fdopen(file, "wb") as stream:
            stream.write(self._load(chat_url, embeddings_url, options["credentials"]))
        self.stdout.write("The sample shop is ready.")

    def _load(self, chat_url: str, embeddings_url: str, path: Path) -> bytes:
        try:
            credentials = samples.load(
                chat_url=chat_url, embeddings_url=embeddings_url, now=timezone.now()
            )
        except BaseException:
            path.unlink()  # half a file would look like a finished set-up at the next start
            raise
        return strict_json.dumps(credentials)
