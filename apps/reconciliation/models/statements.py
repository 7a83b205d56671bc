"""What a provider says that it bills: files, their lines, and how far they are settled."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track
from apps.core.fields import PicoSumField, PicoUSDField
from apps.core.ids import uuid7
from apps.registry.models import Provider


class StatementStatus(models.TextChoices):
    DRAFT = "draft", "Checked, not imported"  # counts for nothing, and may be thrown away
    OPEN = "open", "Open"
    SIGNED = "signed", "Signed off"
    VOID = "void", "Replaced"  # by a newer one of its days; kept


class DayBasis(models.TextChoices):
    """On which day a call counts that was sent before midnight and ended after it: providers don't
    say. Whichever agrees better with the statement."""

    SENT = "sent", "on which it was sent"
    ENDED = "ended", "on which it ended"


class FileKind(models.TextChoices):
    COSTS = "costs", "Costs"
    USAGE = "usage", "Usage"


class Category(models.TextChoices):
    USAGE = "usage", "Usage"
    CREDIT = "credit", "Credit"
    DISCOUNT = "discount", "Discount"
    TAX = "tax", "Tax"
    OTHER = "other", "Other charge"


@track()
class Statement(models.Model):
    """A provider's costs of some days (of UTC, as providers bill), and what came of comparing."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+")
    first_day = models.DateField()
    last_day = models.DateField()
    status = models.CharField(
        max_length=10, choices=StatementStatus.choices, default=StatementStatus.DRAFT
    )
    # what was read
    left_out = models.PositiveIntegerField(default=0, help_text="Lines of other accounts.")
    rounded = models.PositiveIntegerField(
        default=0, help_text="Lines whose amount was finer than 10⁻¹² USD, and was rounded to it."
    )
    grain_pico = PicoUSDField(default=1, help_text="The smallest step of its amounts.")
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    uploaded_at = models.DateTimeField()
    # what the comparison found
    compared_at = models.DateTimeField(null=True)
    day_basis = models.CharField(
        max_length=5, choices=DayBasis.choices, default=DayBasis.SENT, db_default=DayBasis.SENT
    )
    ours_pico = PicoSumField(default=0)
    theirs_pico = PicoSumField(default=0)
    # what became of it
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    signed_at = models.DateTimeField(null=True)
    signed_note = models.CharField(max_length=500, blank=True)
    unexplained_pico = PicoSumField(
        default=0, help_text="When it was signed off: differences without a decision, all positive."
    )
    replaced_by = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("settle_difference", "Can book and explain differences, and sign statements off")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="statement_has_days"
            ),
            models.CheckConstraint(condition=Q(grain_pico__gte=1), name="statement_has_a_grain"),
            models.CheckConstraint(
                condition=Q(status="signed", signed_by__isnull=False, signed_at__isnull=False)
                | Q(~Q(status__in=["signed", "void"]), signed_by=None, signed_at=None)
                | Q(status="void"),
                name="statement_signed_by_whom",
            ),
            models.CheckConstraint(
                condition=Q(status="void", replaced_by__isnull=False)
                | Q(~Q(status="void"), replaced_by=None),
                name="statement_replaced_by_what",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="statement_no_delete",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__status__in=["open", "signed", "void"]),
            ),
            pgtrigger.ReadOnly(
                name="statement_as_read",
                fields=["provider", "first_day", "last_day", "grain_pico", "uploaded_at"],
            ),
            pgtrigger.Protect(
                name="statement_void_for_ever",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status="void"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider.slug}, {self.first_day} to {self.last_day}"


class StatementFile(models.Model):
    statement = models.ForeignKey(Statement, models.CASCADE, related_name="files")
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=FileKind.choices)
    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="In bytes.")
    lines = models.PositiveIntegerField(help_text="That were taken.")

    class Meta:
        ordering = ["kind"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "sha256"], name="one_file_once"),
        ]
        triggers = [pgtrigger.Protect(name="file_as_read", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return self.name


class StatementLine(models.Model):
    """A line as it was read. What its words mean is looked up when it is compared, so that a name
    which was missing needs no new file."""

    statement = models.ForeignKey(Statement, models.CASCADE, related_name="lines")
    file = models.ForeignKey(StatementFile, models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="In the file.")
    day = models.DateField()
    item = models.CharField(max_length=200)
    category = models.CharField(max_length=10, choices=Category.choices)
    account = models.CharField(max_length=200, blank=True)
    amount_pico = PicoUSDField(null=True, help_text="Empty: a line of usage, without money.")
    quantity = models.BigIntegerField(null=True)
    calls = models.BigIntegerField(null=True)
    is_repeat = models.BooleanField(default=False, help_text="Equal to a line before it.")

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["statement", "day"], name="line_by_day")]
        triggers = [pgtrigger.Protect(name="line_as_read", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.file} line {self.number}"
