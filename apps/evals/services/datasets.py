"""Writes of datasets: drafts of their versions, publishing, imports that happen whole or not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from apps.core.faults import Fault
from apps.evals.cases import MAX_CASES, CaseDraft, case_faults
from apps.evals.errors import EvalError, refused
from apps.evals.models import Case, Dataset, DatasetVersion
from apps.evals.reading import Row, read_cases
from apps.evals.selectors import declared_variables, newest_version
from apps.prompts.types import Variable

_COPIED = ("key", "variables", "expected", "tags", "must_pass", "source_job_id", "masked")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """What a row of a file would do: new, changed, same, or faulty."""

    line: int
    action: str
    case: CaseDraft | None
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    rows: tuple[ImportRow, ...]

    @property
    def faults(self) -> list[tuple[int, Fault]]:
        """Line and fault, all of them."""
        return [(row.line, fault) for row in self.rows for fault in row.faults]

    @property
    def sound(self) -> bool:
        return not any(row.faults for row in self.rows)

    def count(self, action: str) -> int:
        return sum(row.action == action for row in self.rows)


def plan_import(*, dataset: Dataset, text: str) -> ImportPlan:
    """A dry run: what would change, and every fault with its line and field. Writes nothing."""
    variables = declared_variables(dataset.prompt)
    version = _draft(dataset) or newest_version(dataset)
    stored = {case.key: case for case in version.cases.all()} if version else {}
    seen: dict[str, int] = {}
    rows = [_planned(row, variables, stored, seen) for row in read_cases(text, variables)]
    fresh = sum(row.action == "new" for row in rows)
    if len(stored) + fresh > MAX_CASES:
        detail = f"There would be {len(stored) + fresh:,} cases; at most {MAX_CASES:,} fit."
        rows.append(ImportRow(1, "faulty", None, (Fault("", detail, "too_many"),)))
    return ImportPlan(tuple(rows))


@transaction.atomic
def import_cases(*, dataset: Dataset, text: str, by: User | None) -> DatasetVersion:
    """Do what the plan says, all of it. Raises `EvalError` with every fault."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    plan = plan_import(dataset=dataset, text=text)
    if not plan.sound:
        faults = [
            Fault(f"/{line}{fault.pointer}", fault.detail, fault.code)
            for line, fault in plan.faults
        ]
        raise EvalError(faults)
    draft = draft_version(dataset=dataset, by=by)
    put_cases(version=draft, cases=[row.case for row in plan.rows if row.case is not None])
    return draft


@transaction.atomic
def draft_version(*, dataset: Dataset, by: User | None) -> DatasetVersion:
    """The open draft; without one, a new one with the cases of the newest published version."""
    Dataset.objects.select_for_update().get(pk=dataset.pk)
    if (draft := _draft(dataset)) is not None:
        return draft
    last = newest_version(dataset)
    number = last.number + 1 if last else 1
    draft = DatasetVersion.objects.create(dataset=dataset, number=number, author=by)
    if last is not None:
        rows = last.cases.order_by("id").values(*_COPIED)
        Case.objects.bulk_create([Case(version=draft, **row) for row in rows], batch_size=500)
    return draft


@transaction.atomic
def put_cases(*, version: DatasetVersion, cases: Sequence[CaseDraft]) -> list[str]:
    """Add cases to a draft, or replace those of the same key; their keys. Raises `EvalError`."""
    version = DatasetVersion.objects.select_for_update().get(pk=version.pk)
    if version.published_at is not None:
        raise refused(f"{version} is published; make a new draft.", code="published")
    taken = set(version.cases.values_list("key", flat=True))
    free = _free_keys(taken | {case.key for case in cases})
    rows = [_row(version, case, case.key or next(free)) for case in cases]
    if len(taken | {row.key for row in rows}) > MAX_CASES:
        raise refused(f"A version has at most {MAX_CASES:,} cases.", code="too_many")
    Case.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["version", "key"],
        update_fields=[name for name in _COPIED if name != "key"],
    )
    return [row.key for row in rows]


@transaction.atomic
def publish(*, version: DatasetVersion, note: str, now: datetime) -> DatasetVersion:
    """From now on nothing changes it. Raises `EvalError` with all faults: published already, no
    note, no case, or cases that don't fit the prompt any more."""
    row = (
        DatasetVersion.objects.select_for_update(of=["self"])
        .select_related("dataset__prompt")
        .get(pk=version.pk)
    )
    if faults := list(_publish_faults(row, note)):
        raise EvalError(faults)
    row.note, row.published_at = note.strip(), now
    row.save()
    return row


def _draft(dataset: Dataset) -> DatasetVersion | None:
    return DatasetVersion.objects.filter(dataset=dataset, published_at=None).first()


def _publish_faults(version: DatasetVersion, note: str) -> Iterator[Fault]:
    if version.published_at is not None:
        yield Fault("", f"{version} is published already.", "published")
    if not note.strip():
        yield Fault("/note", "Say what changed, and why.", "missing")
    cases = list(version.cases.all())
    if not cases:
        yield Fault("/cases", "There is no case in it yet.", "empty")
    variables = declared_variables(version.dataset.prompt)
    for case in cases:
        for fault in case_faults(CaseDraft(case.variables, case.expected), variables):
            yield Fault(f"/cases/{case.key}{fault.pointer}", fault.detail, fault.code)


def _planned(
    row: Row,
    variables: Mapping[str, Variable],
    stored: Mapping[str, Case],
    seen: dict[str, int],
) -> ImportRow:
    if row.case is None:
        return ImportRow(row.line, "faulty", None, row.faults)
    faults = [*case_faults(row.case, variables)]
    key = row.case.key
    if key and key in seen:
        faults.append(Fault("/key", f"“{key}” is on line {seen[key]} already.", "twice"))
    seen.setdefault(key, row.line)
    if faults:
        return ImportRow(row.line, "faulty", row.case, tuple(faults))
    return ImportRow(row.line, _action(row.case, stored.get(key)), row.case)


def _action(case: CaseDraft, stored: Case | None) -> str:
    if stored is None:
        return "new"
    given = (dict(case.variables), case.expected, list(case.tags), case.must_pass)
    return "same" if given == _content(stored) else "changed"


def _content(case: Case) -> tuple[Any, ...]:
    return case.variables, case.expected, case.tags, case.must_pass


def _free_keys(taken: set[str]) -> Iterator[str]:
    return (key for number in count(1) if (key := f"case-{number}") not in taken)


def _row(version: DatasetVersion, case: CaseDraft, key: str) -> Case:
    return Case(
        version=version,
        key=key,
        variables=dict(case.variables),
        expected=case.expected,
        tags=list(case.tags),
        must_pass=case.must_pass,
        source_job_id=case.source_job_id,
        masked=case.masked,
    )
