"""Folders of the list of prompts. Callers never see them."""

from collections.abc import Collection

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models.functions import Now

from apps.core.faults import Fault
from apps.prompts.errors import PromptError
from apps.prompts.models import Prompt


@transaction.atomic
def move_to_folder(*, prompts: Collection[int], folder: str) -> int:
    """Put prompts (by id) into a folder, or with "" into none; how many moved. Raises `PromptError`
    for what is no folder."""
    try:
        Prompt._meta.get_field("folder").run_validators(folder)
    except ValidationError as error:
        raise PromptError([Fault("/folder", text, "invalid") for text in error.messages]) from error
    rows = Prompt.objects.filter(pk__in=prompts).exclude(folder=folder)
    return rows.update(folder=folder, updated_at=Now())
