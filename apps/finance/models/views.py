"""Questions that somebody asks again."""

from django.conf import settings
from django.db import models

from apps.audit.history import track
from apps.core.models import TimestampedModel


@track()
class SavedView(TimestampedModel):
    """A question about costs with a name. Of a range by name, such as the last 30 days, it asks
    for those of the day on which it is opened."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", editable=False
    )
    name = models.CharField(max_length=80, help_text="e.g. “Support by model, last month”.")
    address = models.CharField(max_length=8000, editable=False)
    is_shared = models.BooleanField(
        "shared", default=False, help_text="Everybody who may see costs sees it; you alone keep it."
    )

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="one_view_of_a_name_each")
        ]

    def __str__(self) -> str:
        return self.name
