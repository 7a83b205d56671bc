"""What was found about releases that nobody had to look at."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.prompts.models import Arm, Release


@track()
class GuardFinding(models.Model):
    """A release whose calls did worse than those before it; written once, then it is left alone."""

    release = models.OneToOneField(Release, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    rolled_back = models.BooleanField()
    because = models.CharField(max_length=500)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.because


@track()
class Acknowledgement(models.Model):
    """Somebody has seen what a guardrail did, so that the home page stops saying it: an arm that it
    paused, or a finding about a release."""

    arm = models.OneToOneField(Arm, models.CASCADE, null=True, related_name="+")
    finding = models.OneToOneField(GuardFinding, models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("acknowledge_alert", "Can acknowledge what guardrails did")]
        constraints = [
            models.CheckConstraint(
                condition=Q(arm__isnull=True) ^ Q(finding__isnull=True), name="acknowledges_one"
            )
        ]

    def __str__(self) -> str:
        return f"{self.by} has seen {self.arm or self.finding}"
