"""Budgets: a limit on matching calls in a window of time, and the holds that keep it."""

from zoneinfo import available_timezones

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.fields import PicoUSDField
from apps.core.models import SlugModel, TimestampedModel, moves_config_epoch


class Period(models.TextChoices):
    DAY = "day", "Day"
    WEEK = "week", "Week (from Monday)"
    MONTH = "month", "Month"
    QUARTER = "quarter", "Quarter"
    YEAR = "year", "Year"
    LIFETIME = "lifetime", "Lifetime"


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(f"“{value}” is not a time zone, such as Europe/Berlin or UTC.")


@track()
class Budget(SlugModel):
    """A limit. An empty scope field means “any”; a call counts when every given field matches.

    It counts the calls admitted since it was made. What it counts (scope, period, zone) never
    changes, or its windows would mix two meanings; limit and hardness may, and reset nothing.
    """

    team = models.SlugField(blank=True)
    cost_center = models.SlugField(blank=True)
    service = models.SlugField(blank=True)
    provider = models.SlugField(blank=True)
    model = models.SlugField(blank=True)
    prompt = models.SlugField(blank=True)
    tag = models.CharField(max_length=100, blank=True)
    period = models.CharField(max_length=10, choices=Period.choices, default=Period.MONTH)
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
    active = models.BooleanField(default=True)

    SCOPE_FIELDS = ("team", "cost_center", "service", "provider", "model", "prompt", "tag")

    FIXED_FIELDS = (*SCOPE_FIELDS, "period", "time_zone")

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
                    "time_zone",
                ],
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(limit_pico__gte=0),
                name="budget_limit_not_negative",
                violation_error_message="A limit cannot be negative.",
            )
        ]

    @property
    def scope(self) -> dict[str, str]:
        """The fields by which it chooses calls, only those that are given."""
        return {name: value for name in self.SCOPE_FIELDS if (value := getattr(self, name))}

    def clean(self) -> None:
        stored = Budget.objects.filter(pk=self.pk).first() if self.pk else None
        if stored is None:
            return
        changed = [n for n in self.FIXED_FIELDS if getattr(self, n) != getattr(stored, n)]
        if changed:
            text = "Cannot change: what a budget counts is fixed. Switch it off and make another."
            raise ValidationError(dict.fromkeys(changed, text))


class Window(models.Model):
    """One period of one budget. `posted` is what was spent, `held` what running calls may spend.

    `limit` and `hard` are the budget's as of the latest admission. A hold belongs to the window in
    which it was admitted, and so does what it comes to, even after the window's end.
    """

    budget = models.ForeignKey(Budget, models.PROTECT, related_name="windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: lifetime.")
    limit_pico = PicoUSDField()
    posted_pico = PicoUSDField(default=0)
    held_pico = PicoUSDField(default=0)
    overrun_pico = PicoUSDField(
        default=0, help_text="What was booked beyond holds, e.g. when a provider bills more."
    )
    hard = models.BooleanField()

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.UniqueConstraint(fields=["budget", "starts_at"], name="one_window_a_start"),
            models.CheckConstraint(condition=Q(held_pico__gte=0), name="window_held_not_negative"),
        ]
        triggers = [
            # The promise itself, kept by the database: whoever adds to a hard window stays within
            # its limit. (What a call cost beyond its hold, and a lowered limit, may exceed it.)
            pgtrigger.Trigger(
                name="hard_limit_holds",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(
                    new__hard=True, new__held_pico__gt=pgtrigger.F("old__held_pico")
                ),
                func="""
                    IF NEW.posted_pico + NEW.held_pico > NEW.limit_pico
                       AND NEW.posted_pico + NEW.held_pico > OLD.posted_pico + OLD.held_pico THEN
                        RAISE EXCEPTION 'Budget window % would exceed its hard limit.', NEW.id
                        USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.budget.slug} from {self.starts_at:%Y-%m-%d}"


class HoldStatus(models.TextChoices):
    HELD = "held", "Held"
    SETTLED = "settled", "Settled"
    RELEASED = "released", "Released"
    EXPIRED = "expired", "Expired"


class Hold(TimestampedModel):
    """What an attempt may cost at most, held against every matching window until it is resolved.

    Its id is the attempt's; it resolves exactly once. While it is held it takes
    `amount - posted` of each window's room.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    amount_pico = PicoUSDField()
    posted_pico = PicoUSDField(default=0, help_text="What was posted to its windows for it.")
    status = models.CharField(max_length=10, choices=HoldStatus.choices, default=HoldStatus.HELD)
    windows = models.ManyToManyField(Window, through="HoldWindow", related_name="holds")
    expires_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["expires_at"], name="hold_open", condition=Q(status="held"))
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_pico__gte=0), name="hold_not_negative")
        ]


class HoldWindow(models.Model):
    hold = models.ForeignKey(Hold, models.CASCADE, related_name="+")
    window = models.ForeignKey(Window, models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "window"], name="hold_window_once")]
