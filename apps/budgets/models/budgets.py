"""Budgets: a limit on matching calls in a window of time."""

from zoneinfo import available_timezones

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.budgets.models.choices import Basis, default_bases, default_thresholds
from apps.budgets.models.names import is_callable_name
from apps.core.fields import PicoUSDField
from apps.core.models import SlugModel, moves_config_epoch

ROLLING = ("hours", "days")
MAX_LENGTH = {"hours": 24 * 31, "days": 366}


class Period(models.TextChoices):
    DAY = "day", "Day"
    WEEK = "week", "Week"
    MONTH = "month", "Month"
    QUARTER = "quarter", "Quarter"
    YEAR = "year", "Year"
    LIFETIME = "lifetime", "Lifetime"
    HOURS = "hours", "Rolling hours"
    DAYS = "days", "Rolling days"


class Weekday(models.IntegerChoices):
    MONDAY = 0, "Monday"
    TUESDAY = 1, "Tuesday"
    WEDNESDAY = 2, "Wednesday"
    THURSDAY = 3, "Thursday"
    FRIDAY = 4, "Friday"
    SATURDAY = 5, "Saturday"
    SUNDAY = 6, "Sunday"


class CarryOver(models.TextChoices):
    NONE = "none", "Nothing"
    UNSPENT = "unspent", "What was not spent"
    OVERSPEND = "overspend", "What was overspent is deducted"
    BOTH = "both", "Both"


class OnExceeded(models.TextChoices):
    REFUSE = "refuse", "Refuse the call"
    QUEUE = "queue", "Jobs wait for room; direct calls are refused"
    CHEAPER = "cheaper", "Try the cheaper model"
    CAP = "cap", "Shorten the answer to what is affordable"


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(f"“{value}” is not a time zone, such as Europe/Berlin or UTC.")


@track()
class Budget(SlugModel):
    """A limit. An empty scope field means “any”; a call counts when every given field matches.

    It counts the calls admitted since it was made. What it counts (scope, period, zone) never
    changes, or its windows would mix two meanings; all the rest may, and resets nothing.
    """

    team = models.SlugField(blank=True)
    cost_center = models.SlugField("cost centre", blank=True)
    service = models.SlugField(blank=True)
    provider = models.SlugField(blank=True)
    model = models.SlugField(blank=True)
    prompt = models.SlugField(blank=True)
    tag = models.CharField(max_length=100, blank=True)
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.MONTH)
    length = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        help_text="Only of a rolling period: how many hours or days count at any moment. They "
        "roll on in 48 steps; a call counts up to one step longer, never shorter.",
    )
    week_start = models.PositiveSmallIntegerField(
        choices=Weekday.choices,
        default=Weekday.MONDAY,
        db_default=Weekday.MONDAY,
        help_text="Weeks begin on this day.",
    )
    fiscal_month = models.PositiveSmallIntegerField(
        default=1,
        db_default=1,
        validators=[MinValueValidator(1), MaxValueValidator(12)],
        help_text="Years, and with them quarters, begin with this month: 1 is January.",
    )
    time_zone = models.CharField(
        max_length=60,
        default="UTC",
        validators=[validate_time_zone],
        help_text="Days and months begin in this zone, e.g. Europe/Berlin.",
    )
    limit_pico = PicoUSDField("limit, USD", help_text="Dollars in each period, e.g. 50 or 0.25.")
    hard = models.BooleanField(
        default=True, help_text="Hard: a call that could exceed it is refused. Soft: it is marked."
    )
    carry_over = models.CharField(
        max_length=10,
        choices=CarryOver.choices,
        default=CarryOver.NONE,
        db_default=CarryOver.NONE,
        help_text="What a calendar window takes over from the one before it, once, when its "
        "first call comes.",
    )
    carry_cap_percent = models.PositiveSmallIntegerField(
        "carry at most, %",
        default=100,
        db_default=100,
        help_text="Of the limit: how much of what was not spent is carried over at most.",
    )
    on_exceeded = models.CharField(
        "when it doesn't fit",
        max_length=10,
        choices=OnExceeded.choices,
        default=OnExceeded.REFUSE,
        db_default=OnExceeded.REFUSE,
        help_text="Only of a hard budget. When several refuse, the first in this list decides.",
    )
    cheaper_model = models.SlugField(
        blank=True, default="", db_default="", help_text="Route or model that is tried instead."
    )
    min_output_tokens = models.PositiveIntegerField(
        default=64,
        db_default=64,
        validators=[MinValueValidator(1)],
        help_text="An answer is not shortened below so many tokens; the call is refused instead.",
    )
    thresholds = ArrayField(
        models.PositiveSmallIntegerField(),
        default=default_thresholds,
        db_default=[50, 80, 95, 100],
        blank=True,
        size=20,
        help_text="Percent of the limit, e.g. 50,80,95,100. Each tells once in a window.",
    )
    bases = ArrayField(
        models.CharField(max_length=10, choices=Basis.choices),
        default=default_bases,
        db_default=["actual", "committed", "forecast"],
        blank=True,
        verbose_name="compared with",
        help_text="Forecast: what will be spent by the window's end; only calendar windows have "
        "one.",
    )
    notify = ArrayField(
        models.EmailField(),
        default=list,
        db_default=[],
        blank=True,
        size=20,
        help_text="Mail addresses, separated by commas, that are told of thresholds.",
    )
    active = models.BooleanField(default=True)

    SCOPE_FIELDS = ("team", "cost_center", "service", "provider", "model", "prompt", "tag")
    PERIOD_FIELDS = ("period", "length", "week_start", "fiscal_month", "time_zone")
    FIXED_FIELDS = (*SCOPE_FIELDS, *PERIOD_FIELDS)

    class Meta:
        ordering = ["slug"]
        triggers = [
            moves_config_epoch(),
            pgtrigger.ReadOnly(
                name="budget_counts_the_same",
                fields=[
                    "team",
                    "cost_center",
                    "service",
                    "provider",
                    "model",
                    "prompt",
                    "tag",
                    "period",
                    "length",
                    "week_start",
                    "fiscal_month",
                    "time_zone",
                ],
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(limit_pico__gte=0),
                name="budget_limit_not_negative",
                violation_error_message="A limit cannot be negative.",
            ),
            models.CheckConstraint(
                condition=Q(period__in=ROLLING, length__gte=1)
                | (~Q(period__in=ROLLING) & Q(length=0)),
                name="budget_rolling_has_length",
                violation_error_message="A rolling period, and no other, has a length.",
            ),
        ]

    @property
    def scope(self) -> dict[str, str]:
        """The fields by which it chooses calls, only those that are given."""
        return {name: value for name in self.SCOPE_FIELDS if (value := getattr(self, name))}

    def clean(self) -> None:
        faults = self._faults()
        stored = Budget.objects.filter(pk=self.pk).first() if self.pk else None
        if stored is not None:
            changed = [n for n in self.FIXED_FIELDS if getattr(self, n) != getattr(stored, n)]
            text = "Cannot change: what a budget counts is fixed. Switch it off and make another."
            faults |= dict.fromkeys(changed, text)
        if self.cheaper_model != getattr(stored, "cheaper_model", ""):
            faults |= self._unknown_cheaper_model() | faults
        if faults:
            raise ValidationError(faults)

    def _unknown_cheaper_model(self) -> dict[str, str]:
        """Only of a new choice: a route that goes later must not keep a limit from changing."""
        if not self.cheaper_model or is_callable_name(self.cheaper_model):
            return {}
        return {"cheaper_model": f"No route or model is called “{self.cheaper_model}”."}

    def _faults(self) -> dict[str, str]:
        faults = {}
        most = MAX_LENGTH.get(self.period, 0)
        if self.period in ROLLING and not 1 <= self.length <= most:
            faults["length"] = f"From 1 to {most} {self.period}."
        elif self.period not in ROLLING and self.length:
            faults["length"] = "Only a rolling period has a length."
        if self.carry_over != CarryOver.NONE and self.period in (*ROLLING, Period.LIFETIME):
            faults["carry_over"] = "Only windows of the calendar have one before them."
        if (self.on_exceeded == OnExceeded.CHEAPER) != bool(self.cheaper_model):
            faults["cheaper_model"] = "Give it with “Try the cheaper model”, and only then."
        if any(not 1 <= percent <= 1000 for percent in self.thresholds or ()):
            faults["thresholds"] = "From 1 to 1000 percent."
        return faults
