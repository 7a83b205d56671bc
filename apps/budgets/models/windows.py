"""One period of one budget, and the steps in which a rolling one moves on."""

from zoneinfo import ZoneInfo

import pgtrigger
from django.db import models
from django.db.models import Q

from apps.budgets.models.budgets import Budget
from apps.core.fields import PicoSumField


class Window(models.Model):
    """One period of one budget. `posted` is what was spent, `held` what running calls may spend.

    `limit` and `hard` are as of the latest admission; `limit` is the budget's with what was
    carried and raised. A hold belongs to the window in which it was admitted, and so does what it
    comes to, even after the window's end. A rolling budget has one window for all time, of which
    `outside` is what has rolled out of the period.
    """

    budget = models.ForeignKey(Budget, models.PROTECT, related_name="windows")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: lifetime or rolling.")
    limit_pico = PicoSumField()
    carried_pico = PicoSumField(
        default=0, db_default=0, help_text="Taken over from the window before, once."
    )
    raised_pico = PicoSumField(
        default=0, db_default=0, help_text="By approved raises, at the latest admission."
    )
    posted_pico = PicoSumField(default=0)
    held_pico = PicoSumField(default=0)
    outside_pico = PicoSumField(
        default=0, db_default=0, help_text="Rolling: posted or held before the period of now."
    )
    overrun_pico = PicoSumField(
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
                    IF NEW.posted_pico + NEW.held_pico - NEW.outside_pico > NEW.limit_pico
                       AND NEW.posted_pico + NEW.held_pico > OLD.posted_pico + OLD.held_pico THEN
                        RAISE EXCEPTION 'Budget window % would exceed its hard limit.', NEW.id
                        USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        starts_at = self.starts_at.astimezone(ZoneInfo(self.budget.time_zone))
        return f"{self.budget.slug} from {starts_at:%Y-%m-%d}"


class Bucket(models.Model):
    """One step of a rolling window; its window's lock covers it. All of them add up to it."""

    window = models.ForeignKey(Window, models.PROTECT, related_name="buckets")
    starts_at = models.DateTimeField()
    posted_pico = PicoSumField(default=0)
    held_pico = PicoSumField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["window", "starts_at"], name="one_bucket_a_start"),
            models.CheckConstraint(condition=Q(held_pico__gte=0), name="bucket_held_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"
