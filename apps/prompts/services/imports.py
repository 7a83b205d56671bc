"""Imports of several files by a person: first a look at what would happen, then exactly that."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from apps.audit.history import with_reason
from apps.core import strict_json
from apps.core.faults import Fault
from apps.prompts import textfile
from apps.prompts.bundles import TextFile
from apps.prompts.diff import Section, compare
from apps.prompts.edits import Work
from apps.prompts.errors import PromptError
from apps.prompts.models import Prompt, PromptVersion, VersionStatus
from apps.prompts.selectors import live_version
from apps.prompts.services.drafts import content_of, validate_version
from apps.prompts.services.files import OF_PROMPT, import_version
from apps.prompts.services.locks import lock_prompts
from apps.prompts.textplaces import line_of, lines_of, said_line
from apps.prompts.types import Findings
from apps.prompts.validation import Content

NOTHING = Content(messages=[], variables={}, model="", parameters={})


class Effect(StrEnum):
    NEW_PROMPT = "new prompt"
    NEW_DRAFT = "new draft"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Placed:
    """A fault, and its line in the file where it has one."""

    fault: Fault
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What comes of one file."""

    name: str
    """Of the file."""
    effect: Effect
    version: PromptVersion | None = None
    """What is made, or what says the same already. After a look, what would be made has no row."""
    base: PromptVersion | None = None
    """What `sections` compare with: in use, or else the newest; None for nothing."""
    sections: tuple[Section, ...] = ()
    faults: tuple[Placed, ...] = ()
    """Why it is refused; or, of a draft, what forbids sealing it."""
    warnings: tuple[Placed, ...] = ()
    left: tuple[str, ...] = ()
    """Fields of a known prompt that the file says otherwise: an import leaves them as they are."""

    @property
    def ground(self) -> list[Any]:
        """What a person agrees to who looks at it."""
        made = (self.version.prompt.slug, self.version.number) if self.version else ()
        faults = [(one.line, one.fault.pointer, one.fault.detail) for one in self.faults]
        return [self.name, self.effect, made, self.base and self.base.pk, faults, self.left]


@dataclass(frozen=True, slots=True)
class Plan:
    steps: tuple[Step, ...]
    digest: str
    """Of the files, of who imports them, and of everything that comes of them."""

    @property
    def is_possible(self) -> bool:
        """All or nothing: no file is refused, and one at least makes something."""
        effects = {step.effect for step in self.steps}
        return Effect.REFUSED not in effects and effects != {Effect.UNCHANGED}


class PlanChanged(PromptError):
    """What would happen is not what was shown; nothing was written. Look at it again."""


def look_at_import(*, files: Sequence[TextFile], by: User, now: datetime) -> Plan:
    """What `import_files` would do: it is done and taken back, so nothing is left out of sight."""
    with transaction.atomic():
        plan = _carry_out(files, by, now)
        transaction.set_rollback(True)
    return plan


@transaction.atomic
def import_files(*, files: Sequence[TextFile], by: User, now: datetime, seen: str) -> Plan:
    """Make a draft of each file that says something new; all or none.

    `seen` is the digest of the plan that the person looked at. Raises `PlanChanged` when the plan
    is another one now, and `PromptError` when a file is refused.
    """
    with with_reason(f"Import of {len(files)} file{'s' * (len(files) != 1)}."):
        plan = _carry_out(files, by, now)
    if plan.digest != seen:
        detail = "Something changed since you looked. Nothing was imported; look again."
        raise PlanChanged([Fault("", detail, "changed")])
    if not plan.is_possible:
        raise PromptError(placed.fault for step in plan.steps for placed in step.faults)
    return plan


@dataclass(slots=True)
class _Import:
    """What the files of one import share."""

    by: User
    now: datetime
    work: Work = field(default_factory=Work)
    owners: dict[str, str] = field(default_factory=dict)
    """Slug → the file that is of it."""


def _carry_out(files: Iterable[TextFile], by: User, now: datetime) -> Plan:
    run = _Import(by, now)
    held = [(file, _read(file)) for file in files]
    lock_prompts({_slug(found) for _, found in held if not isinstance(found, Step)})
    steps = tuple(_step(run, file, found) for file, found in held)
    contents = [hashlib.sha256(file.data).hexdigest() for file, _ in held]
    ground = [by.pk, contents, [step.ground for step in steps]]
    return Plan(steps, hashlib.sha256(strict_json.canonical(ground)).hexdigest())


def _read(file: TextFile) -> Mapping[str, Any] | Step:
    """The document, or why there is none."""
    try:
        return textfile.read_any(file.data)
    except ValueError as error:
        line, detail = said_line(error)
        return Step(file.name, Effect.REFUSED, faults=(Placed(Fault("", detail), line),))


def _step(run: _Import, file: TextFile, document: Mapping[str, Any] | Step) -> Step:
    if isinstance(document, Step):
        return document
    lines = lines_of(file.data)
    try:
        return _drafted(run, file, document, lines)
    except PromptError as error:
        return Step(file.name, Effect.REFUSED, faults=_placed(error.faults, lines))


def _slug(document: Mapping[str, Any]) -> str:
    return str(document.get("slug"))


@transaction.atomic
def _drafted(
    run: _Import, file: TextFile, document: Mapping[str, Any], lines: Mapping[str, int]
) -> Step:
    prompt = Prompt.objects.filter(slug=_slug(document)).first()
    base = _base(prompt)
    known = set(prompt.versions.values_list("pk", flat=True)) if prompt else set()
    _check_once(run, file, document)
    version = import_version(document=document, by=run.by, now=run.now)
    if version.pk in known:
        return Step(file.name, Effect.UNCHANGED, version, left=_left(prompt, document))
    found = validate_version(version) if version.status == VersionStatus.DRAFT else Findings()
    return Step(
        file.name,
        Effect.NEW_DRAFT if prompt else Effect.NEW_PROMPT,
        version,
        base,
        compare(content_of(base) if base else NOTHING, content_of(version), run.work),
        faults=_placed(found.faults, lines),
        warnings=_placed(found.warnings, lines),
        left=_left(prompt, document),
    )


def _check_once(run: _Import, file: TextFile, document: Mapping[str, Any]) -> None:
    slug = _slug(document)
    if slug in run.owners:
        detail = f"{run.owners[slug]} is a file of the prompt {slug} too. Import one of them."
        raise PromptError([Fault("/slug", detail, "twice")])
    run.owners[slug] = file.name


def _base(prompt: Prompt | None) -> PromptVersion | None:
    if prompt is None:
        return None
    sealed = prompt.versions.exclude(status=VersionStatus.DRAFT).order_by("-number")
    return live_version(prompt) or sealed.first()


def _left(prompt: Prompt | None, document: Mapping[str, Any]) -> tuple[str, ...]:
    if prompt is None:
        return ()
    here = {key: getattr(prompt, key) for key in OF_PROMPT}
    return tuple(key for key, value in here.items() if document.get(key, value) != value)


def _placed(faults: Iterable[Fault], lines: Mapping[str, int]) -> tuple[Placed, ...]:
    placed = (Placed(fault, line_of(fault, lines)) for fault in faults)
    return tuple(sorted(placed, key=lambda one: one.line or 0))
