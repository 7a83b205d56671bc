"""What was found about releases that nobody had to look at."""

from django.db import models

from apps.audit.history import track
from apps.prompts.models import Release


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
