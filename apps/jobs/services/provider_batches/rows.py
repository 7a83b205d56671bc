"""From a row of a batch, and what is known of it, to what is booked and what its job gets."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from apps.gateway.accounts import Settlement
from apps.gateway.batch_lane import (
    Terms,
    settlement_of_line,
    settlement_without_line,
    ticket_again,
)
from apps.gateway.tickets import Ticket as CallTicket
from apps.gateway.types import Pin
from apps.jobs.models import Job, ProviderBatch, ProviderBatchRow, RowOutcome
from apps.jobs.services.provider_batches.booking import RowEnd, ticket_of
from apps.jobs.types import Ending, EndKind
from apps.providers.batch_results import NOT_RUN
from apps.providers.errors import ErrorKind, Outcome, ProviderError
from apps.providers.types import Endpoint
from apps.registry.types import DeploymentFacts


def open_rows(batch: ProviderBatch) -> list[ProviderBatchRow]:
    return list(batch.rows.filter(outcome="").order_by("index"))


@dataclass(frozen=True, slots=True)
class Reader:
    """Of one batch's rows."""

    batch: ProviderBatch
    deployment: DeploymentFacts

    def of_line(
        self, row: ProviderBatchRow, line: Mapping[str, Any], endpoint: Endpoint, pin: Pin | None
    ) -> RowEnd:
        settlement, blocked = settlement_of_line(
            self._ticket(row),
            line,
            endpoint=endpoint,
            shown=Terms.read(row.terms).shown(pin),
            completion=ticket_of(row),
        )
        if settlement.outcome is not None:
            return RowEnd(row, settlement, RowOutcome.ANSWERED)
        if blocked:
            ending = Ending(ticket_of(row), EndKind.REFUSED, "blocked", blocked, attempts=1)
            return RowEnd(row, settlement, RowOutcome.FAILED, ending)
        code = (line.get("error") or {}).get("code") if isinstance(line.get("error"), dict) else ""
        outcome = RowOutcome.NOT_RUN if code in NOT_RUN else RowOutcome.FAILED
        if settlement.unknown:
            outcome = RowOutcome.UNKNOWN
        return RowEnd(row, settlement, outcome, _returned(row))

    def not_run(self, row: ProviderBatchRow, why: str, kind: EndKind = EndKind.RETURNED) -> RowEnd:
        """It was never tried: nothing is owed, its hold is given back."""
        error = ProviderError(ErrorKind.SERVER_ERROR, why, outcome=Outcome.NOT_BILLED)
        return RowEnd(row, self._without(row, error), RowOutcome.NOT_RUN, _returned(row, kind))

    def unknown(self, row: ProviderBatchRow, why: str) -> RowEnd:
        """It may have been run, and nobody will say."""
        error = ProviderError(ErrorKind.INCOMPLETE, why, outcome=Outcome.UNKNOWN)
        return RowEnd(row, self._without(row, error), RowOutcome.UNKNOWN, _returned(row))

    def left(self, row: ProviderBatchRow, why: str, kind: EndKind) -> RowEnd:
        """Its job goes on; what it cost may still become known."""
        cause = ErrorKind.CANCELLED if kind is EndKind.CANCELLED else ErrorKind.TIMEOUT
        error = ProviderError(cause, why, outcome=Outcome.UNKNOWN)
        return RowEnd(row, self._without(row, error), "", _returned(row, kind))

    def _without(self, row: ProviderBatchRow, error: ProviderError) -> Settlement:
        return settlement_without_line(self._ticket(row), error)

    def _ticket(self, row: ProviderBatchRow) -> CallTicket:
        return ticket_again(
            row.attempt_id,
            Terms.read(row.terms),
            self.deployment,
            held_at=self.batch.created_at,
        )


def pins_of(rows: Sequence[ProviderBatchRow]) -> Callable[[UUID], Pin | None]:
    """The pinned version of each row's job."""
    version = ("prompt_version_id", "prompt", "prompt_version", "arm")
    fields = ("pk", *version, "channel", "phase", "subject")
    jobs = Job.objects.filter(pk__in=[row.job_id for row in rows]).values_list(*fields)
    pins = {pk: Pin(version, *rest) for pk, version, *rest in jobs if version is not None}
    return pins.get


def _returned(row: ProviderBatchRow, kind: EndKind = EndKind.RETURNED) -> Ending:
    return Ending(ticket_of(row), kind, attempts=1)
