"""One batch of attempt endings: decided in memory under lock, then written set-based."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.money import Pico
from apps.core.rows import insert, select, write
from apps.ledger.entries import entry_for, reversal_of
from apps.ledger.models import (
    SERVING,
    Attempt,
    AttemptStatus,
    Entry,
    EntryKind,
    Purpose,
    Usage,
)
from apps.ledger.pricing import Unpriced, price_usage, unpriced_lines
from apps.ledger.storable import storable_json, storable_text
from apps.ledger.types import AttemptEnd, Booked, UsageReport
from apps.providers.errors import ErrorKind

ORPHANED = "orphaned"

_ENDED = (
    *("id", "status", "first_token_ms", "http_status"),
    *("error_kind", "error", "provider_request_id", "flaw"),
)
_UPDATE = """
    UPDATE ledger_attempt AS attempt
    SET status = new.status, ended_at = new.at, first_token_ms = new.first_token_ms,
        http_status = new.http_status, error_kind = new.error_kind, error = new.error,
        provider_request_id = new.provider_request_id, flaw = new.flaw,
        xid = pg_current_xact_id()
    FROM (SELECT * FROM json_to_recordset(%s) AS rows(
              id uuid, at timestamptz, status text, first_token_ms int,
              http_status int, error_kind text, error text,
              provider_request_id text, flaw text
          ) LIMIT %s) AS new
    WHERE attempt.id = new.id
"""


AskedAttempts = Callable[[], list[Attempt]]


def ask_attempts(ids: Collection[UUID]) -> AskedAttempts:
    """Lock attempts in the order of their ids, to be read later (`pipelined.ask`)."""
    if not ids:
        return list
    return select(Attempt, "WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [list(ids)])


class Book:
    """The attempts of a batch with their entries, and what is to be written about them."""

    def __init__(
        self, attempts: dict[UUID, Attempt], entries: dict[UUID, list[Entry]], now: datetime
    ) -> None:
        self._attempts = attempts
        self._entries = entries
        self._now = now
        self._ended: dict[UUID, Attempt] = {}
        self._new_entries: list[Entry] = []
        self._new_usages: list[Usage] = []

    @classmethod
    def locked(cls, *, attempt_ids: Collection[UUID], now: datetime) -> "Book":
        """Lock the attempts in the order of their ids. Those that don't exist are left out."""
        return cls.of(ask_attempts(attempt_ids), now)

    @classmethod
    def of(cls, asked: "AskedAttempts", now: datetime) -> "Book":
        """With the attempts that were asked for."""
        attempts = {row.pk: row for row in asked()}
        entries: dict[UUID, list[Entry]] = {pk: [] for pk in attempts}
        resolved = [pk for pk, row in attempts.items() if row.status != AttemptStatus.DISPATCHED]
        if resolved:
            for entry in Entry.objects.filter(attempt__in=resolved).order_by("pk"):
                if entry.attempt_id:
                    entries[entry.attempt_id].append(entry)
        return cls(attempts, entries, now)

    def status(self, attempt_id: UUID) -> str | None:
        attempt = self._attempts.get(attempt_id)
        return attempt.status if attempt else None

    def close(self, end: AttemptEnd) -> Booked:
        """See `services.close_attempts`."""
        attempt = self._attempts.get(end.attempt_id)
        if attempt is None:
            raise Attempt.DoesNotExist(f"Attempt {end.attempt_id} was never opened.")
        if not _may_end(attempt, end):
            return self._booked(attempt, already=True)
        is_late = attempt.status == AttemptStatus.UNKNOWN
        if is_late:
            self._reverse_what_stands(attempt)
        self._end(attempt, end)
        self._book_cost(attempt, end, is_late=is_late)
        return self._booked(attempt, already=False)

    def abandon(self, attempt_id: UUID, amount: Pico) -> None:
        """Nobody will tell how it ended: unknown, estimated at `amount`."""
        attempt = self._attempts[attempt_id]
        attempt.status = AttemptStatus.UNKNOWN
        attempt.error_kind = ORPHANED
        attempt.error = "The process that sent it ended before the outcome was known."
        self._ended[attempt.pk] = attempt
        self._add(attempt, EntryKind.ESTIMATE, amount, reason=attempt.error)

    def write(self) -> None:
        """Write everything that was decided."""
        if self._ended:
            _update(list(self._ended.values()), self._now)
        insert(self._new_usages)
        insert(self._new_entries)

    def _end(self, attempt: Attempt, end: AttemptEnd) -> None:
        attempt.status = end.status
        attempt.first_token_ms = end.first_token_ms
        attempt.http_status = end.http_status
        attempt.error_kind = storable_text(end.error_kind, 30)
        attempt.error = storable_text(end.error, 500)
        attempt.provider_request_id = storable_text(end.provider_request_id, 200)
        attempt.flaw = end.flaw
        self._ended[attempt.pk] = attempt
        if end.usage is not None and end.status != "unknown":
            self._new_usages.append(_usage(attempt, end.usage))

    def _book_cost(self, attempt: Attempt, end: AttemptEnd, *, is_late: bool) -> None:
        if end.kind is None or end.usage is None:
            return
        contested, usage = end.kind == "conflict", end.usage
        reason = usage.problem
        kind = EntryKind.LATE_CHARGE if is_late and not contested else EntryKind(end.kind)
        try:
            priced = price_usage(counts=usage.counts, prices=end.prices, tier=usage.service_tier)
            amount, lines = priced.amount_pico, priced.frozen_lines()
        except Unpriced as error:
            # An estimate leaves room for the charge that may come; finance sees it as unknown.
            is_known = end.status != "unknown" and not contested
            kind = EntryKind.UNPRICED if is_known else kind
            amount, lines = 0, unpriced_lines(usage.counts, usage.service_tier)
            reason = f"{reason}. {error}" if contested else str(error)
        reason = storable_text(reason, 500)
        self._add(attempt, kind, amount, usage, is_late=is_late, lines=lines, reason=reason)

    def _reverse_what_stands(self, attempt: Attempt) -> None:
        for entry in _standing(self._entries[attempt.pk]):
            reason = "The outcome became known."
            self._append(attempt, reversal_of(entry, at=self._now, reason=reason))

    def _add(
        self,
        attempt: Attempt,
        kind: EntryKind,
        amount: Pico,
        usage: UsageReport | None = None,
        *,
        is_late: bool = False,
        **values: Any,
    ) -> None:
        if usage is not None:
            values["input_tokens"] = usage.input_total
            values["output_tokens"] = usage.output_total
            values["cached_tokens"] = usage.counts.get("in_cache_read", 0)
            values["saved_tokens"] = attempt.saved_tokens
        values["purpose"] = spent_on(attempt, is_late=is_late)
        entry = entry_for(attempt, kind=kind, at=self._now, amount_pico=amount, **values)
        self._append(attempt, entry)

    def _append(self, attempt: Attempt, entry: Entry) -> None:
        self._entries[attempt.pk].append(entry)
        self._new_entries.append(entry)

    def _booked(self, attempt: Attempt, *, already: bool) -> Booked:
        entries = self._entries[attempt.pk]
        standing = _standing(entries)
        newest = standing[-1] if standing else None
        return Booked(
            attempt_id=attempt.pk,
            amount_pico=sum(entry.amount_pico for entry in entries),
            kind=newest.kind if newest else "",
            entry_id=newest.pk if newest else None,
            already=already,
        )


def spent_on(attempt: Attempt, *, is_late: bool) -> str:
    """What an ended attempt's money was spent on. Whoever tests pays for tests, failed ones too.

    An outcome that became known after it had been given up is late: the caller was told, or the
    job taken over, when it was given up.
    """
    if attempt.purpose not in SERVING:
        return attempt.purpose
    if attempt.error_kind == ErrorKind.OUTRUN:
        return Purpose.OUTRUN
    if attempt.status != AttemptStatus.SUCCEEDED:
        return Purpose.FAILED
    return Purpose.LATE if is_late else attempt.purpose


def _may_end(attempt: Attempt, end: AttemptEnd) -> bool:
    """Once; only the truth may replace an unknown outcome."""
    if attempt.status == AttemptStatus.UNKNOWN:
        return end.status != "unknown"
    return attempt.status == AttemptStatus.DISPATCHED


def _standing(entries: list[Entry]) -> list[Entry]:
    """Entries that count: neither a reversal nor reversed."""
    gone = {entry.reverses_id for entry in entries if entry.reverses_id}
    return [e for e in entries if e.kind != EntryKind.REVERSAL and e.pk not in gone]


def _usage(attempt: Attempt, report: UsageReport) -> Usage:
    return Usage(
        attempt=attempt,
        counts=dict(report.counts),
        input_total=report.input_total,
        output_total=report.output_total,
        source=report.source,
        raw=storable_json(report.raw),
    )


def _update(attempts: list[Attempt], now: datetime) -> None:
    write(
        _UPDATE, [{name: getattr(one, name) for name in _ENDED} | {"at": now} for one in attempts]
    )
