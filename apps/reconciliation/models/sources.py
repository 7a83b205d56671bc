"""How the files of a provider are read: remembered, so that the next one needs no questions."""

from django.core.exceptions import ValidationError
from django.db import models

from apps.audit.history import track
from apps.core.models import TimestampedModel
from apps.reconciliation.types import METERS, UNMATCHED
from apps.registry.models import Model, Provider


class FileFormat(models.TextChoices):
    OPENAI = "openai", "OpenAI: costs and usage export"
    AZURE = "azure", "Azure: cost and usage details"
    GENERIC = "generic", "Another CSV: name its columns below"
    NONE = "none", "None: it sends no bill, as our own servers"


class DateFormat(models.TextChoices):
    ISO = "iso", "2026-10-31, with or without a time"
    US = "us", "10/31/2026 (month first)"
    EUROPEAN = "european", "31.10.2026 or 31/10/2026 (day first)"
    UNIX = "unix", "1793404800 (seconds since 1970)"


class QuantityUnit(models.TextChoices):
    SINGLE = "1", "single units, such as tokens"
    THOUSANDS = "1000", "thousands"
    MILLIONS = "1000000", "millions"
    STATED = "stated", "as its unit of measure says, such as 1K or 1M"


METER_CHOICES = [(name, label) for name, label in METERS.items() if name not in ("", UNMATCHED)]


def _column(help_text: str) -> "models.CharField[str, str]":
    return models.CharField(max_length=100, blank=True, help_text=help_text)


@track()
class Source(TimestampedModel):
    """Column names count for “another CSV” only; the other formats know theirs."""

    provider = models.OneToOneField(Provider, models.CASCADE, related_name="+")
    format = models.CharField(
        max_length=10,
        choices=FileFormat.choices,
        help_text="Of one that sends no bill, two people waive the statement of each month.",
    )
    accounts = models.CharField(
        max_length=1000,
        blank=True,
        help_text="Projects or subscriptions whose lines are this provider's, with commas, as the "
        "file names them. Empty: all lines of a file.",
    )
    date_format = models.CharField(
        max_length=10, choices=DateFormat.choices, default=DateFormat.ISO
    )
    quantity_unit = models.CharField(
        "quantities are in",
        max_length=10,
        choices=QuantityUnit.choices,
        blank=True,
        default="",
        help_text="Empty: as usual in the format, which is single units; of Azure, as its unit of "
        "measure says.",
    )
    day_column = _column("The day of the cost.")
    item_column = _column("The model, or the words that its lines are billed under.")
    meter_column = _column("Input, cached input, output. Empty: the item says it, or nobody does.")
    amount_column = _column("The cost in US dollars.")
    quantity_column = _column("How many tokens. Empty: unknown.")
    unit_column = _column("The unit of measure of the quantity, such as 1K.")
    calls_column = _column("How many requests. Empty: unknown.")
    category_column = _column("Usage, credit, discount, tax. Empty: all is usage.")
    account_column = _column("Project or subscription.")
    currency_column = _column("Must say USD. Empty: you know that it is.")

    class Meta:
        ordering = ["provider"]
        verbose_name = "statement format"

    def __str__(self) -> str:
        return str(self.provider)

    def clean(self) -> None:
        if self.format != FileFormat.GENERIC:
            return
        needed = ("day_column", "item_column", "amount_column")
        missing = {name: "Needed for another CSV." for name in needed if not getattr(self, name)}
        if missing:
            raise ValidationError(missing)


@track()
class ItemName(TimestampedModel):
    """What a provider's words mean: “5.4 cd inp Gl 1M Tokens” is cached input of a model."""

    source = models.ForeignKey(Source, models.CASCADE, related_name="names")
    item = models.CharField(max_length=200, help_text="As statements show it under “not matched”.")
    model = models.ForeignKey(Model, models.PROTECT, null=True, blank=True, related_name="+")
    meter = models.CharField(max_length=20, choices=METER_CHOICES)

    class Meta:
        ordering = ["item"]
        verbose_name = "name of an item"
        verbose_name_plural = "names of items"
        constraints = [
            models.UniqueConstraint(fields=["source", "item"], name="one_meaning_of_an_item")
        ]

    def __str__(self) -> str:
        return self.item
