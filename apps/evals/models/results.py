"""What a run found: answers, what judges and people said of them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.core.fields import PicoUSDField
from apps.evals.models.datasets import Case
from apps.evals.models.runs import EvalRun


class ResultState(models.TextChoices):
    WAITING = "waiting", "Waiting for an answer"
    ANSWERED = "answered", "Answered"
    GRADED = "graded", "Graded"
    FAILED = "failed", "No answer"


class EvalResult(models.Model):
    """One answer to one case. `outcomes` are those of the run's checks, in their order."""

    run = models.ForeignKey(EvalRun, models.CASCADE, related_name="results")
    case = models.ForeignKey(Case, models.PROTECT, related_name="+")
    repeat = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(
        max_length=10, choices=ResultState.choices, default=ResultState.WAITING
    )
    job_id = models.UUIDField(null=True, blank=True, db_index=True)
    answer = models.TextField(blank=True)
    message = models.JSONField(null=True, blank=True, help_text="With tool calls, if there are.")
    error_code = models.CharField(max_length=50, blank=True)
    error = models.CharField(max_length=1000, blank=True)
    latency_ms = models.PositiveIntegerField(default=0)
    cost_pico = PicoUSDField("cost", default=0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    outcomes = models.JSONField(default=list)
    score = models.FloatField(null=True, blank=True)
    passed = models.BooleanField(null=True, blank=True)

    class Meta:
        ordering = ["run", "case", "repeat"]
        indexes = [
            models.Index(fields=["run"], name="evalresult_waiting", condition=Q(state="waiting"))
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "case", "repeat"], name="one_result_a_repeat")
        ]

    def __str__(self) -> str:
        return f"{self.case.key} #{self.repeat}"


class Judgement(models.Model):
    """One call of a judge. A pair is judged in both orders, so that a judge who likes the first
    place better cancels itself out."""

    result = models.ForeignKey(EvalResult, models.CASCADE, related_name="judgements")
    check_index = models.PositiveSmallIntegerField(help_text="Of the run's checks, from 0.")
    swapped = models.BooleanField(default=False, help_text="The baseline's answer came first.")
    job_id = models.UUIDField(null=True, blank=True, db_index=True)
    done = models.BooleanField(default=False)
    score = models.FloatField(null=True, blank=True, help_text="From 0 to 1; empty: no judgement.")
    reason = models.CharField(max_length=1000, blank=True)
    cost_pico = PicoUSDField("cost", default=0)

    class Meta:
        ordering = ["result", "check_index", "swapped"]
        constraints = [
            models.UniqueConstraint(
                fields=["result", "check_index", "swapped"], name="one_judgement_an_order"
            )
        ]


class ReviewState(models.TextChoices):
    OPEN = "open", "Open"
    DONE = "done", "Done"


class Review(models.Model):
    """A person's say on one check of one answer. Whoever opens it holds it for some minutes."""

    result = models.ForeignKey(EvalResult, models.CASCADE, related_name="reviews")
    check_index = models.PositiveSmallIntegerField(help_text="Of the run's checks, from 0.")
    state = models.CharField(max_length=5, choices=ReviewState.choices, default=ReviewState.OPEN)
    locked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    locked_until = models.DateTimeField(null=True, blank=True)
    score = models.FloatField(null=True, blank=True)
    comment = models.CharField(max_length=1000, blank=True)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        permissions = [("decide_review", "Can review answers")]
        indexes = [models.Index(fields=["id"], name="review_open", condition=Q(state="open"))]
        constraints = [
            models.UniqueConstraint(fields=["result", "check_index"], name="one_review_a_check"),
            models.CheckConstraint(
                condition=Q(state="open", reviewer__isnull=True, decided_at__isnull=True)
                | Q(
                    state="done",
                    reviewer__isnull=False,
                    decided_at__isnull=False,
                    score__isnull=False,
                ),
                name="review_done_has_score",
            ),
        ]

    def __str__(self) -> str:
        return f"Review {self.pk}"
