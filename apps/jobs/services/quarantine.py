"""Entries that a person has to decide about: contested usage, and estimates that stand for what
nobody was told. A decision becomes a reversal and a correction; budgets and jobs follow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.core.clock import db_now
from apps.core.money import Pico
from apps.jobs.services.rebooking import locked_attempts, post_new_totals, prices_then
from apps.ledger.models import Attempt, Choice, Entry, EntryKind, QuarantineDecision, Usage
from apps.ledger.pricing import counts_of, price_usage, tier_of_lines
from apps.ledger.services import NotReversible, correct_entry
from apps.providers.usage import reported_total

# A correction too: what was typed wrongly must be mendable.
RESOLVABLE = (EntryKind.CONFLICT, EntryKind.ESTIMATE, EntryKind.CORRECTION)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be booked. `tokens`: the entry's columns of tokens that change."""

    amount_pico: Pico
    lines: Sequence[Mapping[str, Any]]
    tokens: Mapping[str, int]


@transaction.atomic
def resolve_entry(
    *,
    entry_id: UUID,
    choice: Choice,
    reason: str,
    by: Any,
    counts: Mapping[str, int] | None = None,
    tier: str = "",
) -> Entry:
    """Replace a standing entry by what was decided; the correction. Of two at once, one is refused.

    `counts` (usage class → units) are needed for `Choice.COUNTS`. Everything is priced as it was
    when the call was sent, in the service `tier`; "" is the one that it is booked in, which for
    contested usage is the dearest that it can have been.

    Raises: `NotReversible` when it was replaced meanwhile or is of another kind, `Unpriced` when
    a class has no price, `ValueError` when the provider's total cannot be read.
    """
    entry, attempt = _locked(entry_id)
    proposal = propose(entry=entry, attempt=attempt, choice=choice, counts=counts, tier=tier)
    now = db_now()
    _, correction = correct_entry(
        entry=entry,
        amount_pico=proposal.amount_pico,
        lines=proposal.lines,
        tokens=proposal.tokens,
        reason=reason,
        actor=by.get_username(),
        now=now,
    )
    post_new_totals(attempts=[attempt], now=now)
    QuarantineDecision.objects.create(
        entry_id=entry.pk,
        correction_id=correction.pk,
        choice=choice,
        reason=reason,
        decided_by=by,
        decided_at=now,
    )
    return correction


def propose(
    *,
    entry: Entry,
    attempt: Attempt,
    choice: Choice,
    counts: Mapping[str, int] | None = None,
    tier: str = "",
) -> Proposal:
    """What the choice would book in the entry's place; raises as `resolve_entry` does."""
    if choice == Choice.KEEP:
        if all("amount_pico" in line for line in entry.lines):
            return Proposal(entry.amount_pico, entry.lines, {})
        counts = counts_of(entry.lines)
    elif choice == Choice.PROVIDER:
        counts = provider_counts(attempt)
    if counts is None:
        raise ValueError("There are no numbers to book.")
    billed = tier or tier_of_lines(entry.lines)
    priced = price_usage(counts=counts, prices=prices_then(attempt), tier=billed)
    return Proposal(priced.amount_pico, priced.frozen_lines(), _tokens(counts))


def provider_counts(attempt: Attempt) -> Mapping[str, int] | None:
    """The totals that the provider reported, as plain tokens; None when they cannot be read."""
    usage = Usage.objects.filter(attempt=attempt).first()
    total = reported_total((usage.raw or {}).get("contested")) if usage else None
    return None if total is None else {"in_uncached": total[0], "out_text": total[1]}


def _locked(entry_id: UUID) -> tuple[Entry, Attempt]:
    entry = Entry.objects.get(pk=entry_id)
    if entry.kind == EntryKind.UNPRICED:
        raise NotReversible("It only lacks a price: add it, then choose “Price again”.")
    if entry.kind not in RESOLVABLE or entry.attempt_id is None:
        raise NotReversible("There is nothing to decide about this entry.")
    attempt = locked_attempts([entry.attempt_id])[entry.attempt_id]
    if Entry.objects.filter(reverses=entry).exists():
        raise NotReversible("It was replaced before: look at what was booked since.")
    return entry, attempt


def _tokens(counts: Mapping[str, int]) -> Mapping[str, int]:
    return {
        "input_tokens": sum(n for name, n in counts.items() if name.startswith("in_")),
        "output_tokens": sum(n for name, n in counts.items() if name.startswith("out_")),
        "cached_tokens": counts.get("in_cache_read", 0),
    }
