"""Files of providers become statements: read first, as a draft that counts for nothing; imported
when somebody who has seen what would happen says so."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.reconciliation.errors import FileRefused, ReconciliationRefused
from apps.reconciliation.models import (
    FileFormat,
    FileKind,
    Source,
    Statement,
    StatementFile,
    StatementLine,
    StatementStatus,
)
from apps.reconciliation.reading.costs import Reading, read_costs
from apps.reconciliation.reading.layout import layout_of
from apps.reconciliation.reading.rows import Stamp, Unreadable, stamp
from apps.reconciliation.reading.usage import read_usage
from apps.reconciliation.services.comparing import keep_comparison, locked
from apps.reconciliation.types import Fault, ReadLine
from apps.registry.models import Provider, Vendor

_USUAL = {Vendor.OPENAI: FileFormat.OPENAI, Vendor.AZURE: FileFormat.AZURE}
_STANDING = (StatementStatus.OPEN, StatementStatus.SIGNED)
_AT_ONCE = 2000  # lines in memory as rows
_EVEN = 10**12  # pico-dollars of a dollar


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    file: BinaryIO


@dataclass(frozen=True, slots=True)
class _Read:
    kind: FileKind
    upload: Upload
    stamp: Stamp
    reading: Reading


def draft_statement(
    *,
    provider: Provider,
    costs: Upload,
    by: Any,
    now: datetime,
    usage: Upload | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Statement:
    """A draft with its comparison. `usage`: OpenAI's file of tokens and requests for the same days;
    `first` and `last`: the days that the files are about, where that is more than they show.

    Raises: `FileRefused` with every fault.
    """
    files = _read_all(provider, costs, usage, now.date())
    first, last = _days(files, first, last)
    faults = [fault for one in files for fault in one.reading.faults]
    if faults := faults or [*_overlaps(provider, first, last)]:
        raise FileRefused(faults)
    try:
        with transaction.atomic():
            return _stored(provider, files, first, last, by, now)
    except IntegrityError as error:
        raise FileRefused([Fault(0, "This file is being imported by somebody else.")]) from error


@transaction.atomic
def import_statement(*, statement_id: UUID, now: datetime) -> Statement:
    """A draft counts from now on, in place of older statements of its days.

    Raises: `ReconciliationRefused`.
    """
    statement = locked(statement_id, StatementStatus.DRAFT)
    # one after the other for a provider, so that two of the same days cannot both stand
    Provider.objects.select_for_update().get(pk=statement.provider_id)
    if faults := [*_overlaps(statement.provider, statement.first_day, statement.last_day)]:
        raise ReconciliationRefused(" ".join(map(str, faults)))
    older = _overlapping(statement.provider, statement.first_day, statement.last_day)
    older.update(status=StatementStatus.VOID, replaced_by=statement)
    statement.status = StatementStatus.OPEN
    statement.save(update_fields=["status"])
    keep_comparison(statement, now=now)
    return statement


@transaction.atomic
def discard_draft(*, statement_id: UUID) -> None:
    """Raises: `ReconciliationRefused` for what was imported."""
    locked(statement_id, StatementStatus.DRAFT).delete()


def source_of(provider: Provider) -> Source | None:
    """How its files are read: as somebody said, or as its vendor writes them."""
    found = Source.objects.filter(provider=provider).first()
    usual = _USUAL.get(Vendor(provider.vendor))
    return found or (Source(provider=provider, format=usual) if usual else None)


def _read_all(provider: Provider, costs: Upload, usage: Upload | None, today: date) -> list[_Read]:
    source = source_of(provider)
    if source is None:
        text = f"Say first how files of {provider} are read: Statement formats, in the admin."
        raise FileRefused([Fault(0, text)])
    if source.format == FileFormat.NONE:
        raise FileRefused([Fault(0, f"{provider} sends no bill, says its statement format.")])
    layout = layout_of(source)
    latest = today + timedelta(days=1)  # where it is tomorrow already
    files, stamps = [], _stamps(provider, costs, usage)
    files.append(
        _Read(FileKind.COSTS, costs, stamps[0], read_costs(costs.file, layout, today=latest))
    )
    if usage is not None:
        reading = read_usage(usage.file, accounts=layout.accounts, today=latest)
        files.append(_Read(FileKind.USAGE, usage, stamps[1], reading))
    if not any(one.reading.lines or one.reading.faults for one in files):
        raise FileRefused([Fault(0, "There are no costs in it that are this provider's.")])
    return files


def _stamps(provider: Provider, *uploads: Upload | None) -> list[Stamp]:
    try:
        stamps = [stamp(upload.file) for upload in uploads if upload is not None]
    except Unreadable as error:
        raise FileRefused([Fault(0, str(error))]) from error
    known = StatementFile.objects.filter(provider=provider, sha256__in=[s.sha256 for s in stamps])
    faults = [
        Fault(
            0,
            f"The file {row.name} was uploaded before, on {row.statement.uploaded_at:%Y-%m-%d}: "
            f"it is the statement {row.statement} ({row.statement.get_status_display().lower()}).",
        )
        for row in known.select_related("statement__provider")
    ]
    if len({one.sha256 for one in stamps}) < len(stamps):
        faults.append(Fault(0, "Costs and usage are the same file."))
    if faults:
        raise FileRefused(faults)
    return stamps


def _days(files: list[_Read], first: date | None, last: date | None) -> tuple[date, date]:
    """Raises `FileRefused` when there are none; notes what lies outside."""
    found = {day for one in files for day in one.reading.days}
    found |= {line.day for one in files for line in one.reading.lines}
    if not found:
        faults = [fault for one in files for fault in one.reading.faults]
        raise FileRefused(faults or [Fault(0, "There is no day in it.")])
    first, last = first or min(found), last or max(found)
    if last < first:
        raise FileRefused([Fault(0, f"The last day, {last}, lies before the first, {first}.")])
    for one in files:
        for line in one.reading.lines:
            if not first <= line.day <= last:
                one.reading.fault(line.number, f"{line.day} is not from {first} to {last}.")
    return first, last


def _overlapping(provider: Provider, first: date, last: date) -> Any:
    return Statement.objects.filter(
        provider=provider, status__in=_STANDING, first_day__lte=last, last_day__gte=first
    )


def _overlaps(provider: Provider, first: date, last: date) -> list[Fault]:
    """Older statements that it would replace only a part of."""
    rows = _overlapping(provider, first, last).select_related("provider")
    return [
        Fault(
            0,
            f"The statement {row} has days that this one, {first} to {last}, has not. A newer one "
            "takes the place of the whole: export all of its days.",
        )
        for row in rows
        if row.first_day < first or row.last_day > last
    ]


def _stored(
    provider: Provider, files: list[_Read], first: date, last: date, by: Any, now: datetime
) -> Statement:
    costs = files[0].reading
    statement = Statement.objects.create(
        provider=provider,
        first_day=first,
        last_day=last,
        left_out=sum(one.reading.left_out for one in files),
        rounded=costs.rounded,
        grain_pico=_EVEN // 10**costs.decimals,
        uploaded_by=by,
        uploaded_at=now,
    )
    for one in files:
        _store_file(statement, one)
    keep_comparison(statement, now=now)
    return statement


def _store_file(statement: Statement, read: _Read) -> None:
    file = StatementFile.objects.create(
        statement=statement,
        provider=statement.provider,
        kind=read.kind,
        name=read.upload.name[:200],
        sha256=read.stamp.sha256,
        size=read.stamp.size,
        lines=len(read.reading.lines),
    )
    names = ReadLine.__slots__
    for start in range(0, len(read.reading.lines), _AT_ONCE):
        StatementLine.objects.bulk_create(
            StatementLine(
                statement=statement, file=file, **{name: getattr(line, name) for name in names}
            )
            for line in read.reading.lines[start : start + _AT_ONCE]
        )
