"""What reviewers say about lines of a version. It stands beside the version, never in its hash."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.prompts.models.prompts import PromptVersion

QUOTED = 1_000  # characters of a line that are kept


@track()
class LineComment(models.Model):
    """About a line of a message, or an answer to one. Nothing of it changes but that the first of a
    thread is resolved, or opened again."""

    version = models.ForeignKey(PromptVersion, models.CASCADE, related_name="comments")
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="replies"
    )
    # Both counted from 1, as the version was when this was written; an answer has none.
    message = models.PositiveSmallIntegerField(null=True, blank=True)
    line = models.PositiveIntegerField(null=True, blank=True)
    quote = models.CharField(max_length=QUOTED, blank=True, help_text="The line as it was then.")
    text = models.CharField(max_length=2000)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    written_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["id"]
        triggers = [
            pgtrigger.ReadOnly(
                name="comment_stays",
                fields=[
                    *("version", "parent", "message", "line", "quote"),
                    *("text", "author", "written_at"),
                ],
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(parent=None, message__isnull=False, message__gte=1)
                    & Q(line__isnull=False, line__gte=1)
                    & ~Q(quote="")
                )
                | Q(parent__isnull=False, message=None, line=None, resolved_at=None, quote=""),
                name="comment_has_a_place",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at=None, resolved_by=None)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False),
                name="comment_resolved_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author} on {self.version}"
