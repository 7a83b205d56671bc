"""What people said about unusual days of costs."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from apps.audit.history import track


class OfGroup(models.Model):
    """A group of the cost report, by whom and when something was said about it."""

    dimension = models.CharField(max_length=60)
    value = models.CharField(max_length=150, blank=True, help_text="Empty: what has none.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        abstract = True


@track()
class Acknowledgement(OfGroup):
    """Somebody has seen an unusual day and says what it was."""

    day = models.DateField()
    note = models.CharField(max_length=500)

    class Meta:
        default_permissions = ()
        permissions = [("judge_unusual_day", "Can say what unusual days of costs are")]
        constraints = [
            models.UniqueConstraint(
                fields=["dimension", "value", "day"], name="one_acknowledgement_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.value}, {self.day}"


@track()
class PlannedDays(OfGroup):
    """Days that are meant to be unusual, such as a campaign: they are not told as such."""

    name = models.CharField(max_length=200)
    first = models.DateField()
    last = models.DateField()

    class Meta:
        ordering = ["first", "pk"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(last__gte=F("first")), name="planned_days_in_order")
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.first} to {self.last}"
