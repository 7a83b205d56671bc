"""What includes a fragment: where, and drafts that take its new version."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction

from apps.prompts.engine import Include
from apps.prompts.errors import PromptError, refused
from apps.prompts.fragments import repinned
from apps.prompts.models import PromptVersion, VersionStatus
from apps.prompts.selectors import dependents
from apps.prompts.services.drafts import content_of, new_draft, save_draft
from apps.prompts.services.locks import lock_prompts
from apps.prompts.types import PromptKind


@dataclass(frozen=True, slots=True)
class Updated:
    """Drafts that were made, and for each prompt that got none, why."""

    drafts: tuple[PromptVersion, ...]
    left: tuple[tuple[PromptVersion, str], ...]


@transaction.atomic
def update_dependents(*, fragment: PromptVersion, by: User | None) -> Updated:
    """A draft for each prompt in use that includes an older version of this fragment.

    Nothing that is sealed or live changes: people compare, seal and release the drafts. Raises
    `PromptError` when it is no sealed version of a fragment.
    """
    if fragment.prompt.kind != PromptKind.FRAGMENT or fragment.status != VersionStatus.SEALED:
        raise refused(f"{fragment} is no sealed version of a fragment.", code="no_fragment")
    rows = dependents(fragment.prompt)
    lock_prompts({row.version.prompt.slug for row in rows})
    behind = [row.version for row in rows if row.fragment.number < fragment.number]
    return _drafts(behind, Include(fragment.prompt.slug, fragment.number), by)


def _drafts(rows: Iterable[PromptVersion], pin: Include, by: User | None) -> Updated:
    made, left = [], []
    for row in rows:
        try:
            with transaction.atomic():
                draft = new_draft(prompt=row.prompt, based_on=row, by=by)
                made.append(
                    save_draft(
                        version=draft,
                        content=repinned(content_of(row), pin),
                        note=f"Takes {pin.name} v{pin.number}.",
                    )
                )
        except PromptError as error:
            left.append((row, str(error)))
    return Updated(tuple(made), tuple(left))
