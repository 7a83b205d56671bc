"""Suites: what is asked of every answer."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel
from apps.evals.checks import check_faults
from apps.evals.types import JUDGED, Check, CheckKind
from apps.prompts.models import PromptVersion


@track()
class Suite(SlugModel):
    """Checks with weights. A run keeps its own copy of them, so a suite may change at any time."""

    description = models.TextField(blank=True)
    threshold = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="A case passes when the weighted mean of its checks reaches this; 1: all.",
    )

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1), name="suite_threshold_share"
            )
        ]


@track()
class Assertion(TimestampedModel):
    """One check of a suite."""

    suite = models.ForeignKey(Suite, models.CASCADE, related_name="assertions")
    kind = models.CharField(max_length=20, choices=CheckKind.choices)
    value = models.TextField(
        blank=True,
        help_text="Text, one a line for “contains”, a pattern, a JSON Schema, or a rubric. "
        "Empty: what the case expects.",
    )
    path = models.CharField(
        "field", max_length=200, blank=True, help_text="Of JSON, e.g. /items/0/price."
    )
    minimum = models.FloatField("at least", null=True, blank=True)
    maximum = models.FloatField(
        "at most", null=True, blank=True, help_text="Characters, ms, tokens, USD, or how far off."
    )
    threshold = models.FloatField(
        "from score", null=True, blank=True, help_text="From 0 to 1; makes a yes or no of a score."
    )
    negate = models.BooleanField("not", default=False)
    weight = models.FloatField(default=1.0)
    label = models.CharField(max_length=100, blank=True, help_text="What people read instead.")
    judge = models.ForeignKey(
        PromptVersion, models.PROTECT, null=True, blank=True, related_name="+"
    )
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["suite", "position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(threshold__isnull=True) | Q(threshold__gte=0, threshold__lte=1),
                name="assertion_threshold_share",
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=0, weight__lte=1000), name="assertion_weight_range"
            ),
        ]

    def as_check(self) -> Check:
        return Check(
            kind=self.kind,
            value=self.value,
            path=self.path,
            minimum=self.minimum,
            maximum=self.maximum,
            threshold=self.threshold,
            negate=self.negate,
            weight=self.weight,
            label=self.label,
            judge_id=self.judge_id if self.kind in JUDGED else None,
        )

    def clean(self) -> None:
        if not self.kind:
            return
        faults: dict[str, list[str]] = {}
        for fault in check_faults(self.as_check()):
            faults.setdefault(fault.pointer.strip("/"), []).append(fault.detail)
        if faults:
            raise ValidationError(faults)

    def __str__(self) -> str:
        return self.as_check().title if self.kind else "check"
