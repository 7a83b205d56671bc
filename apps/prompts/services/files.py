"""Prompts as documents of files (`textfile`), the same after a round trip."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from apps.core.faults import Fault
from apps.prompts.errors import PromptError
from apps.prompts.fragments import find_fragments, included
from apps.prompts.models import Channel, Prompt, PromptVersion
from apps.prompts.pointers import pointer
from apps.prompts.services.drafts import content_of, create_prompt, draft_of, whole_content
from apps.prompts.services.releases import release
from apps.prompts.services.sealing import seal_version
from apps.prompts.types import PromptKind
from apps.prompts.validation import Content

OF_PROMPT = {
    "kind": PromptKind.TASK,
    "name": "",
    "description": "",
    "owner": "",
    "tags": [],
    "folder": "",
    "on_unknown": "retry",
}
TEXTS = (
    "slug", "kind", "name", "description", "owner", "folder", "on_unknown", "model", "note",
)  # fmt: skip
OF_VERSION: dict[str, Any] = {
    "messages": [],
    "variables": {},
    "model": "",
    "parameters": {},
    "response_schema": None,
    "fit": {},
    "tools": [],
    "note": "",
}


def export_version(*, version: PromptVersion) -> dict[str, Any]:
    """The document of a version; `import_version` makes an equal one of it."""
    prompt, content = version.prompt, content_of(version)
    document = {
        "slug": prompt.slug,
        **{key: getattr(prompt, key) for key in OF_PROMPT},
        **content.as_json(),
        "note": version.note,
        "fragments": {str(each): row.content_hash for each, row in find_fragments(content).items()},
    }
    # An older installation knows none of these, and needs them only where they say something.
    empty = {"folder": "", "fit": {}, "tools": [], "fragments": {}}
    idle = {"kind": PromptKind.TASK, **empty}
    return {key: value for key, value in document.items() if idle.get(key) != value}


@transaction.atomic
def import_version(
    *,
    document: Mapping[str, Any],
    by: User | None,
    now: datetime,
    seal: bool = False,
    channel: Channel | None = None,
) -> PromptVersion:
    """Make the prompt when it is new, and a draft; seal and release it when asked.

    All or nothing. Content that an existing sealed version has is not made again: that version is
    returned, and released when asked; so is the draft of `by` that says the same already. Raises
    `PromptError` with all faults.
    """
    _check_document(document)
    prompt = Prompt.objects.filter(slug=document["slug"]).first() or _new_prompt(document)
    content, note = _as_content(document), document.get("note", "")
    if faults := [*_kind_faults(document, prompt), *_fragment_faults(document, content)]:
        raise PromptError(faults)
    version = _existing(prompt, content, by) or draft_of(
        prompt=prompt, content=content, note=note, by=by
    )
    if seal and not version.content_hash:
        version = seal_version(version=version, note=note, by=by, now=now)
    if channel is not None and not _is_live(version, channel):
        reason = note or "Imported."
        release(prompt=prompt, channel=channel, version=version, reason=reason, by=by, now=now)
    return version


def in_order(documents: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What others include first. Raises `ValueError` for fragments that include each other, and for
    two documents of one prompt."""
    found: dict[str, Mapping[str, Any]] = {}
    for document in documents:
        slug = str(document.get("slug"))
        if slug in found:
            raise ValueError(f"There are two files of the prompt {slug}.")
        found[slug] = document
    needs = {
        slug: {include.name for include in included(_as_content(document))} & found.keys()
        for slug, document in found.items()
    }
    try:
        return [found[slug] for slug in TopologicalSorter(needs).static_order()]
    except CycleError as error:
        names = ", ".join(dict.fromkeys(error.args[1]))
        raise ValueError(f"These include each other: {names}.") from error


def _as_content(document: Mapping[str, Any]) -> Content:
    """What is null says nothing, as what is missing."""
    given = {key: value for key, value in document.items() if value is not None}
    return Content(
        **{key: given.get(key, value) for key, value in OF_VERSION.items() if key != "note"}
    )


def _new_prompt(document: Mapping[str, Any]) -> Prompt:
    values = {key: document.get(key, default) for key, default in OF_PROMPT.items()}
    values["name"] = values["name"] or document["slug"]
    return create_prompt(slug=document["slug"], **values)


def _check_document(document: Mapping[str, Any]) -> None:
    faults = []
    known = {"slug", *OF_PROMPT, *OF_VERSION, "fragments"}
    for key in document:
        if key not in known:
            detail = f"Unknown field. Known: {', '.join(sorted(known))}."
            faults.append(Fault(f"/{key}", detail, "unknown_field"))
    faults.extend(
        Fault(f"/{key}", "Is missing.", "missing")
        for key in ("slug", "messages", "model")
        if not document.get(key)
        and not (key == "model" and document.get("kind") == PromptKind.FRAGMENT)
    )
    faults.extend(
        Fault(f"/{key}", "Must be a string.", "wrong_type")
        for key in TEXTS
        if not isinstance(document.get(key, ""), str)
    )
    if not isinstance(document.get("fragments", {}), dict):
        detail = "Must be an object of names and content hashes."
        faults.append(Fault("/fragments", detail, "wrong_type"))
    if not isinstance(document.get("tags", []), list):
        faults.append(Fault("/tags", "Must be a list of words.", "wrong_type"))
    if faults:
        raise PromptError(faults)


def _kind_faults(document: Mapping[str, Any], prompt: Prompt) -> Iterator[Fault]:
    kind = document.get("kind", PromptKind.TASK)
    if kind != prompt.kind:
        detail = f"{prompt} is a {prompt.kind} here, and the file a {kind}. Give it another slug."
        yield Fault("/kind", detail, "other_kind")


def _fragment_faults(document: Mapping[str, Any], content: Content) -> list[Fault]:
    """The text that it names elsewhere must be the same here."""
    try:
        here = {str(each): row.content_hash for each, row in find_fragments(content).items()}
    except RecursionError:
        return []  # saving the draft says what is wrong with it
    return [
        Fault(
            pointer("fragments", name),
            f"Fragment “{name}” is {'another text' if name in here else 'not'} here; import the "
            "one that the file was made with, or name a version that is here.",
            "fragment_differs",
        )
        for name, wanted in document.get("fragments", {}).items()
        if here.get(name) != wanted
    ]


def _existing(prompt: Prompt, content: Content, by: User | None) -> PromptVersion | None:
    try:
        found, own = whole_content(content).hash, content.hash
    except (TypeError, RecursionError):
        return None  # saving the draft says what is wrong with it
    sealed = prompt.versions.filter(content_hash=found, status="sealed").first()
    draft = prompt.versions.filter(status="draft", author=by).order_by("-number").first()
    says_the_same = draft is not None and content_of(draft).hash == own
    return sealed or (draft if says_the_same else None)


def _is_live(version: PromptVersion, channel: Channel) -> bool:
    return version.releases.filter(channel=channel, ended_at=None).exists()
