"""Prompts and their drafts. A draft may be faulty while somebody works on it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from apps.core.faults import Fault
from apps.prompts.errors import DraftConflict, PromptError, refused
from apps.prompts.fragments import find_fragments, inlined
from apps.prompts.models import Prompt, PromptVersion, VersionStatus
from apps.prompts.services.locks import lock_prompt
from apps.prompts.types import Findings, OnUnknown, PromptKind
from apps.prompts.validation import Content, examine
from apps.registry.models import Model


def create_prompt(
    *,
    slug: str,
    name: str,
    description: str = "",
    owner: str = "",
    tags: Sequence[str] = (),
    on_unknown: str = OnUnknown.RETRY,
    kind: str = PromptKind.TASK,
    folder: str = "",
) -> Prompt:
    """Raises `PromptError` with all faults: a slug that is taken or none, a bad tag, …"""
    prompt = Prompt(
        slug=slug,
        name=name,
        description=description,
        owner=owner,
        tags=list(tags),
        on_unknown=on_unknown,
        kind=kind,
        folder=folder,
    )
    faults = _field_faults(prompt)
    if not all(isinstance(tag, str) and tag for tag in tags):
        faults.append(Fault("/tags", "Must be a list of words.", "wrong_type"))
    if faults:
        raise PromptError(faults)
    prompt.save()
    return prompt


def _field_faults(prompt: Prompt) -> list[Fault]:
    try:
        prompt.full_clean()
    except ValidationError as error:
        return [
            Fault(f"/{field}", message, "invalid")
            for field, messages in error.message_dict.items()
            for message in messages
        ]
    return []


@transaction.atomic
def new_draft(*, prompt: Prompt, based_on: PromptVersion | None, by: User | None) -> PromptVersion:
    """The next number, with the content of `based_on` or empty. One open draft for each author.

    Raises `PromptError` when `by` has a draft of this prompt already.
    """
    lock_prompt(prompt.pk)
    versions = PromptVersion.objects.filter(prompt=prompt)
    mine = versions.filter(author=by, status=VersionStatus.DRAFT).first() if by else None
    if mine is not None:
        raise refused(f"You have a draft already: {mine}. Seal or delete it.", code="draft_exists")
    if based_on is not None and based_on.prompt_id != prompt.pk:
        raise refused(f"{based_on} belongs to another prompt.", code="other_prompt")
    latest = versions.aggregate(latest=Max("number"))["latest"] or 0
    content = content_of(based_on).as_json() if based_on else {}
    return PromptVersion.objects.create(
        prompt=prompt, number=latest + 1, parent=based_on, author=by, **content
    )


@transaction.atomic
def draft_of(
    *, prompt: Prompt, content: Content, note: str = "", by: User | None = None
) -> PromptVersion:
    """A new draft with this content, or none at all. Raises as `new_draft` and `save_draft` do."""
    draft = new_draft(prompt=prompt, based_on=None, by=by)
    return save_draft(version=draft, content=content, note=note)


@transaction.atomic
def save_draft(
    *,
    version: PromptVersion,
    content: Content,
    note: str = "",
    expected: datetime | None = None,
) -> PromptVersion:
    """Store a draft as it is, faults and all; `validate_version` tells them.

    `expected` is the `updated_at` that the editor saw. Raises `DraftConflict` when somebody saved
    since, `PromptError` when the version is sealed or the content can't be stored at all.
    """
    row = PromptVersion.objects.select_for_update().get(pk=version.pk)
    check_saveable(version=row, content=content, expected=expected)
    for field, value in content.as_json().items():
        setattr(row, field, value)
    row.note = note
    row.save()
    return row


def check_saveable(
    *, version: PromptVersion, content: Content, expected: datetime | None = None
) -> None:
    """Raises what `save_draft` would raise for this row."""
    if version.status != VersionStatus.DRAFT:
        raise refused(f"{version} is sealed; make a new draft.", code="sealed")
    if expected is not None and version.updated_at != expected:
        at = f"{version.updated_at:%H:%M:%S} UTC"
        detail = f"{version} was saved by somebody at {at}, after you opened it."
        raise DraftConflict([Fault("", detail, "conflict")])
    _refuse_unstorable(content)


def validate_version(version: PromptVersion) -> Findings:
    """All faults, which forbid sealing, and all warnings."""
    return validate_content(prompt=version.prompt, content=content_of(version))


def validate_content(*, prompt: Prompt, content: Content) -> Findings:
    """The same for content that is not stored."""
    named = Model.objects.filter(slug=content.model)
    return examine(
        content,
        kind=prompt.kind,
        fragments=find_fragments(content),
        without_tools=named.filter(supports_tools=False).values_list("slug", flat=True),
    )


def content_of(version: PromptVersion) -> Content:
    """As its author wrote it: fragments are named in it."""
    return Content(
        messages=version.messages if version.written is None else version.written,
        variables=version.variables,
        model=version.model,
        parameters=version.parameters,
        response_schema=version.response_schema,
        fit=version.fit,
        tools=version.tools,
    )


def content_at(*, version: PromptVersion, saved_at: datetime) -> Content | None:
    """What a draft was when it was saved then, from its history; None when that is unknown."""
    rows = PromptVersion.pgh_event_model.objects.filter(  # type: ignore[attr-defined]
        pgh_obj_id=version.pk, updated_at=saved_at
    )
    row = rows.order_by("-pgh_id").first()
    return content_of(row) if row is not None else None


def whole_content(content: Content) -> Content:
    """As it is sent and hashed: with the texts of its fragments, as they are now."""
    return inlined(content, find_fragments(content))


def _refuse_unstorable(content: Content) -> None:
    fault: Any = next((fault for fault in examine(content).faults if not fault.pointer), None)
    if fault is not None:
        raise refused(fault.detail, code=fault.code)
