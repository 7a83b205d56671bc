"""The books: every physical call (attempt), what it used, and what it cost (entry)."""

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.core.fields import PicoUSDField
from apps.core.ids import uuid7
from apps.ledger.fields import CurrentXid, Xid8Field


class AttemptStatus(models.TextChoices):
    DISPATCHED = "dispatched", "Dispatched"  # committed before the first byte is sent
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"  # ended, and known what it cost (often nothing)
    UNKNOWN = "unknown", "Unknown"  # timeout, reset or crash after the request was sent


class Purpose(models.TextChoices):
    """Of an attempt: what it was sent for. Of an entry: what the money was spent on, which is
    `FAILED`, `LATE` or `OUTRUN` when a caller got nothing for it."""

    ANSWER = "answer", "Answer"
    RETRY = "retry", "Retry"
    FALLBACK = "fallback", "Fallback"
    HEDGE = "hedge", "Hedge"  # the attempt before it was late
    SHADOW = "shadow", "Shadow copy"
    SIMILAR = "similar", "Similar questions"  # vectors, to find them among cached answers
    EVALUATION = "evaluation", "Evaluation"
    PLAYGROUND = "playground", "Playground"
    FAILED = "failed", "No answer"  # failed, cut off, or nobody knows
    LATE = "late", "Too late"  # answered, after somebody else had taken over
    OUTRUN = "outrun", "Outrun"  # another attempt of the same call answered first


class Flaw(models.TextChoices):
    """What is wrong with an answer that came."""

    REFUSAL = "refusal", "Refused to answer"
    SCHEMA = "schema", "Not by its schema"
    CUT_OFF = "cut_off", "Cut off at its length"


SERVING = (Purpose.ANSWER, Purpose.RETRY, Purpose.FALLBACK, Purpose.HEDGE)
"""Sent for a caller who waits."""
WASTED = (Purpose.FAILED, Purpose.LATE, Purpose.OUTRUN)


def _no_truncate(name: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
        func="RAISE EXCEPTION 'The ledger is append-only.';",
    )


class CallSlugs(models.Model):
    """Whose call it was and of what, frozen as slugs: history never changes with a rename."""

    service = models.CharField(max_length=50)
    team = models.CharField(max_length=50)
    cost_center = models.CharField("cost centre", max_length=50)
    provider = models.CharField(max_length=50)
    model = models.CharField(max_length=50)
    deployment = models.CharField(max_length=50)
    prompt = models.CharField(max_length=50, blank=True, default="")
    prompt_version = models.PositiveIntegerField(default=0, help_text="0: no prompt.")
    arm = models.CharField(max_length=91, blank=True, default="")

    class Meta:
        abstract = True


class CallDimensions(CallSlugs):
    channel = models.CharField(
        max_length=50, blank=True, default="", db_default="", help_text="Of the prompt."
    )
    phase = models.BigIntegerField(
        default=0, db_default=0, help_text="Of the experiment, in which the subject joined."
    )
    subject = models.CharField(
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text="Keyed hash of whom the call was for; empty: nobody that results may count.",
    )
    tags = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True


class Attempt(CallDimensions):
    """One physical HTTP request to a provider. Committed, with its hold, before a byte is sent."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request_id = models.CharField(max_length=128, db_index=True)
    job_id = models.UUIDField(null=True, blank=True, db_index=True)
    number = models.PositiveSmallIntegerField(help_text="1 is the first attempt of the call.")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.ANSWER)
    why = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="Why the call was sent to this deployment.",
    )
    instead_of = models.CharField(
        max_length=50,
        blank=True,
        default="",
        db_default="",
        help_text="The deployment that a lower cost was preferred to; empty: none.",
    )
    saved_tokens = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Input tokens that the prompt's own way to be shortened left out.",
    )
    status = models.CharField(
        max_length=10, choices=AttemptStatus.choices, default=AttemptStatus.DISPATCHED
    )
    started_at = models.DateTimeField(db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(
        null=True,
        help_text="When its end is known at the latest, of one that may take longer than a call.",
    )
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_kind = models.CharField(max_length=30, blank=True)
    error = models.CharField(max_length=500, blank=True)
    provider_request_id = models.CharField(max_length=200, blank=True)
    flaw = models.CharField(
        max_length=10, choices=Flaw.choices, blank=True, default="", db_default=""
    )
    xid = Xid8Field(
        null=True, editable=False, help_text="The transaction that ended it; sums follow it."
    )

    class Meta:
        ordering = ["-id"]
        indexes = [
            # what became of calls since somebody looked last
            models.Index(fields=["xid"], name="attempt_ended_xid", condition=Q(xid__isnull=False)),
            # sweeper: attempts whose worker died before it could resolve them
            models.Index(
                fields=["started_at"], name="attempt_open", condition=Q(status="dispatched")
            ),
            models.Index(
                fields=["started_at"], name="attempt_unknown", condition=Q(status="unknown")
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="dispatched", ended_at__isnull=True)
                | Q(~Q(status="dispatched"), ended_at__isnull=False),
                name="attempt_ended_has_time",
            )
        ]
        triggers = [pgtrigger.Protect(name="attempt_no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.deployment} #{self.number} {self.status}"


class Usage(models.Model):
    """What an attempt used: disjoint classes that add up, and the provider's own words.

    Written once, when it is known how the attempt ended; an attempt of unknown outcome has none.
    """

    attempt = models.OneToOneField(Attempt, models.PROTECT, primary_key=True, related_name="usage")
    counts = models.JSONField(help_text="Usage class → units.")
    input_total = models.PositiveIntegerField()
    output_total = models.PositiveIntegerField()
    source = models.CharField(max_length=12, help_text="provider, or bound (an upper estimate).")
    raw = models.JSONField(null=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="usage_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            _no_truncate("usage_no_truncate"),
        ]


class EntryKind(models.TextChoices):
    CHARGE = "charge", "Charge"
    ESTIMATE = "estimate", "Estimate"
    LATE_CHARGE = "late_charge", "Late charge"
    CACHE_HIT = "cache_hit", "Cache hit"
    UNPRICED = "unpriced", "Unpriced"
    CONFLICT = "conflict", "Conflicting usage"
    REVERSAL = "reversal", "Reversal"
    CORRECTION = "correction", "Correction"
    PROVIDER_ADJUSTMENT = "provider_adjustment", "Provider adjustment"
    CREDIT = "credit", "Credit"


MENDING = (
    EntryKind.REVERSAL,
    EntryKind.CORRECTION,
    EntryKind.LATE_CHARGE,
    EntryKind.PROVIDER_ADJUSTMENT,
    EntryKind.CREDIT,
)
"""Booked later than what they are about."""


class Entry(CallDimensions):
    """A line of the ledger. Append-only: nothing changes it, a correction is a new line.

    The table has a partition for each month of `at` (see `partitions`), so its own primary key is
    (id, at); what must be unique over all months stands in `EntryKey`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=20, choices=EntryKind.choices)
    purpose = models.CharField(
        max_length=10,
        choices=Purpose.choices,
        blank=True,
        default="",
        db_default="",
        help_text="What it was spent on; empty: no provider was called.",
    )
    amount_pico = PicoUSDField()
    avoided_pico = PicoUSDField(default=0, help_text="What a cache hit would have cost.")
    # negative in a reversal, so that sums over entries are right
    input_tokens = models.IntegerField(default=0)
    output_tokens = models.IntegerField(default=0)
    cached_tokens = models.IntegerField(
        default=0, db_default=0, help_text="Of the input, what the provider had in its cache."
    )
    saved_tokens = models.IntegerField(
        default=0, db_default=0, help_text="Input that was left out so that the prompt fits."
    )
    # [{"usage_class", "quantity", "price_pico", "per_block", "price_id", "amount_pico"}], frozen,
    # with "service_tier" and "min_input_tokens" where these are not the usual ones
    lines = models.JSONField(default=list)
    attempt = models.ForeignKey(Attempt, models.PROTECT, null=True, related_name="entries")
    request_id = models.CharField(max_length=128, db_index=True)
    job_id = models.UUIDField(null=True, blank=True, db_index=True)
    # that it exists, and is reversed once, is kept by EntryKey
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="reversed_by", db_constraint=False
    )
    reason = models.CharField(max_length=500, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    # Rollups follow it: ids and times of entries do not tell in which order they were committed.
    xid = Xid8Field(db_default=CurrentXid(), editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger entries"
        permissions = [("resolve_entry", "Can resolve entries in quarantine")]
        indexes = [
            models.Index(fields=["service", "at"], name="entry_service_at"),
            models.Index(fields=["xid"], name="entry_xid"),
            # what waits for finance: few, in a table of many
            models.Index(
                fields=["at"],
                name="entry_quarantine",
                condition=Q(kind__in=["unpriced", "conflict"]),
            ),
            # what mends earlier entries: a statement names each
            models.Index(fields=["at"], name="entry_mending", condition=Q(kind__in=MENDING)),
        ]
        triggers = [
            pgtrigger.Protect(
                name="entry_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            _no_truncate("entry_no_truncate"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="cache_hit", amount_pico=0) | ~Q(kind="cache_hit"),
                name="cache_hit_costs_nothing",
            ),
            models.CheckConstraint(
                condition=Q(kind="reversal", reverses__isnull=False)
                | Q(~Q(kind="reversal"), reverses__isnull=True),
                name="reversal_names_its_entry",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class EntryKey(models.Model):
    """What is unique over all months of the ledger. Written by a trigger with each entry, and by
    nothing else: a unique index of a partitioned table could not leave the month out."""

    id = models.UUIDField(primary_key=True, editable=False)  # the entry's
    attempt_id = models.UUIDField(null=True)
    slot = models.CharField(max_length=8, help_text="charge, estimate or nothing.")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")

    class Meta:
        triggers = [
            pgtrigger.Protect(
                name="entrykey_append_only", operation=pgtrigger.Update | pgtrigger.Delete
            ),
            _no_truncate("entrykey_no_truncate"),
        ]
        constraints = [
            # one attempt is charged once, whatever is delivered or retried twice; an estimate may
            # come before, and is reversed when the truth arrives
            models.UniqueConstraint(
                fields=["attempt_id"], condition=Q(slot="charge"), name="one_charge_an_attempt"
            ),
            models.UniqueConstraint(
                fields=["attempt_id"], condition=Q(slot="estimate"), name="one_estimate_an_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slot} {self.id}"
