"""Sums over entries that reports read. They hold nothing that the entries don't say, so they may be
thrown away and made again at any time (`apps.ledger.posting`)."""

from collections.abc import Iterable

from django.db import models

from apps.ledger.fields import Xid8Field
from apps.ledger.models import call_sums, project_trigger, total_triggers
from apps.ledger.models.books import CallSlugs, EntryKind, Purpose
from apps.ledger.models.rollup_keys import FULL_KEY, KEY, PROJECT_KEY, TOTALS


class Summed(models.Model):
    """How many calls the entries were follows from `kind` (`reports.CALLS`)."""

    purpose = models.CharField(max_length=10, choices=Purpose.choices, blank=True)
    kind = models.CharField(max_length=20, choices=EntryKind.choices)
    entries = models.BigIntegerField()
    input_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField(default=0, db_default=0)
    saved_tokens = models.BigIntegerField(default=0, db_default=0)
    # a sum may exceed 64 bits, which hold ± 9.2 million dollars
    amount_pico = models.DecimalField(max_digits=38, decimal_places=0)
    avoided_pico = models.DecimalField(max_digits=38, decimal_places=0)

    class Meta:
        abstract = True


class Rollup(CallSlugs, Summed):
    """The sums of all posted entries that agree in every dimension. No dimension is ever NULL:
    Postgres takes NULLs for different, and would keep two rows of one sum."""

    class Meta:
        abstract = True


class OwnerTotal(Summed):
    """Sums of a rollup by who called alone; its triggers keep them."""

    service = models.CharField(max_length=50)
    team = models.CharField(max_length=50)
    cost_center = models.CharField("cost centre", max_length=50)

    class Meta:
        abstract = True


class SupplyTotal(Summed):
    """Sums of a rollup by what answered alone; its triggers keep them."""

    provider = models.CharField(max_length=50)
    model = models.CharField(max_length=50)
    deployment = models.CharField(max_length=50)

    class Meta:
        abstract = True


class PromptTotal(SupplyTotal):
    """Sums of a rollup by what was called and answered, whoever called; its triggers keep them."""

    prompt = models.CharField(max_length=50)
    prompt_version = models.PositiveIntegerField()
    arm = models.CharField(max_length=91)

    class Meta:
        abstract = True


class ProjectSum(OwnerTotal):
    """Sums of entries by what they were for; the cursor's trigger keeps them."""

    project = models.TextField()
    channel = models.CharField(max_length=50)

    class Meta:
        abstract = True


class FullSum(Rollup):
    """Sums of entries by everything but their other tags; the cursor's trigger keeps them."""

    project = models.TextField()
    channel = models.CharField(max_length=50)

    class Meta:
        abstract = True


class OfDay(models.Model):
    day = models.DateField(help_text="In the zone of the cursor.")

    class Meta:
        abstract = True


class OfMonth(models.Model):
    month = models.DateField(help_text="Its first day, in the zone of the cursor.")

    class Meta:
        abstract = True


def _one(period: str, key: Iterable[str], name: str) -> list[models.BaseConstraint]:
    return [models.UniqueConstraint(fields=[period, *key], name=name)]


class DayCost(Rollup, OfDay):
    class Meta:
        constraints = _one("day", KEY, "one_cost_a_day")
        triggers = total_triggers.of("day")


class MonthCost(Rollup, OfMonth):
    class Meta:
        constraints = _one("month", KEY, "one_cost_a_month")
        triggers = total_triggers.of("month")


class DayByOwner(OwnerTotal, OfDay):
    class Meta:
        constraints = _one("day", TOTALS["byowner"], "one_owner_a_day")


class DayBySupply(SupplyTotal, OfDay):
    class Meta:
        constraints = _one("day", TOTALS["bysupply"], "one_supply_a_day")


class DayByPrompt(PromptTotal, OfDay):
    class Meta:
        constraints = _one("day", TOTALS["byprompt"], "one_prompt_a_day")


class MonthByOwner(OwnerTotal, OfMonth):
    class Meta:
        constraints = _one("month", TOTALS["byowner"], "one_owner_a_month")


class MonthBySupply(SupplyTotal, OfMonth):
    class Meta:
        constraints = _one("month", TOTALS["bysupply"], "one_supply_a_month")


class MonthByPrompt(PromptTotal, OfMonth):
    class Meta:
        constraints = _one("month", TOTALS["byprompt"], "one_prompt_a_month")


class DayByProject(ProjectSum, OfDay):
    class Meta:
        constraints = _one("day", PROJECT_KEY, "one_project_a_day")


class MonthByProject(ProjectSum, OfMonth):
    class Meta:
        constraints = _one("month", PROJECT_KEY, "one_project_a_month")


class DayFull(FullSum, OfDay):
    class Meta:
        constraints = _one("day", FULL_KEY, "one_full_a_day")


class MonthFull(FullSum, OfMonth):
    class Meta:
        constraints = _one("month", FULL_KEY, "one_full_a_month")


class CallSum(models.Model):
    """Sums of entries as providers bill them: by the days of their calls, whenever an entry was
    booked. A row of no class counts the calls; the others hold their lines."""

    sent_day = models.DateField(help_text="Of UTC, on which calls were sent.")
    ended_day = models.DateField(help_text="Of UTC, on which their first entry was booked.")
    provider = models.CharField(max_length=50)
    model = models.CharField(max_length=50)
    usage_class = models.TextField(help_text="Empty: of calls, and of amounts without lines.")
    amount_pico = models.DecimalField(max_digits=38, decimal_places=0)
    quantity = models.DecimalField(
        max_digits=38, decimal_places=0, null=True, help_text="Empty: no line says it."
    )
    lines = models.BigIntegerField(help_text="How many amounts were added up.")
    calls = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=call_sums.CALL_KEY, name="one_sum_of_calls")]
        indexes = [models.Index(fields=["provider", "ended_day"], name="callsum_ended")]


class DayAttempts(models.Model):
    """What the attempts that started on one day were like, as far as they have ended."""

    day = models.DateField(primary_key=True, help_text="Over, in the zone of the cursor.")
    attempts = models.BigIntegerField()
    failed = models.BigIntegerField(help_text="With those of which nobody knows how they ended.")
    took = models.JSONField(help_text="Bucket of `latencies` → attempts that succeeded.")


class AttemptCursor(models.Model):
    """One row: no day's sums lack what transactions before `xid` did to its attempts."""

    id = models.SmallAutoField(primary_key=True)
    xid = Xid8Field()
    zone = models.CharField(max_length=60, help_text="The days are its own.")


class RollupCursor(models.Model):
    """One row: entries of transactions before `xid` are in the rollups, all others are not."""

    id = models.SmallAutoField(primary_key=True)
    xid = Xid8Field()
    zone = models.CharField(max_length=60, help_text="Days and months of the rollups are its own.")
    moved_at = models.DateTimeField(null=True)
    # how the last nightly comparison of rollups with entries ended
    verified_at = models.DateTimeField(null=True)
    verified_day = models.DateField(null=True, help_text="Whose rollups were compared.")
    differences = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        triggers = [project_trigger.trigger(), call_sums.trigger()]
