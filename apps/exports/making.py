"""Making the file of an export: written to this machine's disk from one snapshot of the books, and
then put into the database in one transaction, so that there is never a part of one."""

import hashlib
import tempfile
import threading
from types import TracebackType
from typing import IO, Self

import structlog
from django.db import DatabaseError, connections, transaction
from django.http import QueryDict

from apps.core.clock import db_now
from apps.core.one_view import one_view
from apps.exports.models import Chunk, Export, ExportStatus
from apps.exports.queue import Claim, claim
from apps.exports.types import LARGEST, Asked, Built, ExportRefused, Stopped
from apps.exports.writing import WRITERS
from apps.finance.parsing import parse
from apps.finance.query import Query

log = structlog.get_logger(__name__)
CHUNK = 1024 * 1024
_EVERY = 2.0  # seconds between two looks at the lease


def work_off() -> int:
    """Makes what waits, one after the other, until nothing is due. How many were begun."""
    begun = 0
    while (found := claim()) is not None:
        make(found)
        begun += 1
    return begun


def make(found: Claim) -> None:
    """What goes wrong by itself (a database away, a fault of ours) rises: the lease runs out, and
    it is tried again."""
    export = Export.objects.select_related("made_by").get(pk=found.export_id)
    with tempfile.TemporaryFile() as file:
        try:
            with _Keeper(found) as progress:
                built = write(export, file, progress)
            _keep(found, built, file)
        except ExportRefused as error:
            found.fail(error=str(error))
        except Stopped:
            log.info("export_stopped", export=str(found.export_id))


def write(export: Export, file: IO[bytes], progress: "_Keeper") -> Built:
    with one_view():
        asked = Asked(db_now(), str(export.made_by or export.service))
        built = WRITERS[export.format](question_of(export), asked, file, progress)
    if file.tell() > LARGEST:
        raise ExportRefused(
            f"It is larger than the {LARGEST // 1024**2} MB of a file. Ask for fewer days, or "
            "filter."
        )
    return built


def question_of(export: Export) -> Query:
    """As it was asked. Raises `ExportRefused` when it is none any more."""
    parsed = parse(QueryDict(export.question), now=export.made_at, zone=export.zone)
    if parsed.faults:
        faults = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in parsed.faults.items())
        raise ExportRefused(f"The question can no longer be answered. {faults}")
    return parsed.query


@transaction.atomic
def _keep(found: Claim, built: Built, file: IO[bytes]) -> None:
    row = found.rows.select_for_update(of=("self",)).first()
    if row is None:
        raise Stopped
    size, digest = 0, hashlib.sha256()
    file.seek(0)
    for number, data in enumerate(iter(lambda: file.read(CHUNK), b"")):
        size += len(data)
        digest.update(data)
        Chunk.objects.create(export=row, number=number, data=data)
    row.status, row.finished_at, row.lease_until = ExportStatus.DONE, db_now(), None
    row.rows, row.total_pico, row.remark = built.rows, built.total, built.remark
    row.size, row.sha256 = size, digest.hexdigest()
    row.rows_done = row.rows_total
    row.save()


class _Keeper:
    """Renews the lease from a thread of its own while the file is written, and says how far it is:
    what the snapshot's transaction writes, nobody would see."""

    def __init__(self, found: Claim) -> None:
        self._claim = found
        self._done = self._total = 0
        self._lost, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="export", daemon=True)

    def expect(self, rows: int) -> None:
        self._total = rows

    def step(self, rows: int) -> None:
        self._done += rows
        if self._lost.is_set():
            raise Stopped

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._lost.is_set() and not self._ended.wait(_EVERY):
            self._look()
        connections.close_all()

    def _look(self) -> None:
        try:
            if not self._claim.renew(done=self._done, total=self._total):
                self._lost.set()
        except DatabaseError as error:
            log.warning("export_lease_not_renewed", error=str(error))
