"""What a window keeps beside its counters: what was spent on each day, and who was refused."""

from django.db import models

from apps.budgets.models.windows import Window
from apps.core.fields import PicoSumField


class WindowDay(models.Model):
    """What was posted to a window on one day of its budget's zone. All days of a window add up to
    its `posted`; what comes after its end counts to its last day. Its window's lock covers it."""

    window = models.ForeignKey(Window, models.PROTECT, related_name="days")
    day = models.DateField()
    posted_pico = PicoSumField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["window", "day"], name="one_day_a_window")]

    def __str__(self) -> str:
        return f"{self.day}"


class Refusal(models.Model):
    """Calls that a window had no room for: how many, in one hour, of one service to one model.

    A call that is tried again counts again. The window's lock covers its rows.
    """

    window = models.ForeignKey(Window, models.PROTECT, related_name="refusals")
    hour = models.DateTimeField()
    service = models.CharField(max_length=50)
    model = models.CharField(max_length=50)
    calls = models.PositiveIntegerField()
    waiting = models.PositiveIntegerField(help_text="Of them jobs, which wait for room.")
    unpriced = models.PositiveIntegerField(help_text="Of them without a price.")
    needed_pico = PicoSumField(help_text="What they could have cost at most.")
    latest_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["window", "hour", "service", "model"], name="one_refusal_an_hour"
            )
        ]

    def __str__(self) -> str:
        return f"{self.calls} refused of {self.service}"
