"""Datasets: cases that a prompt must handle, in versions that nothing changes once published."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.audit.history import track
from apps.core.models import SlugModel, TimestampedModel
from apps.prompts.models import Prompt


@track()
class Dataset(SlugModel):
    """Cases for one prompt."""

    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="datasets")
    description = models.TextField(blank=True, help_text="What it covers, and what it leaves out.")

    class Meta:
        ordering = ["slug"]


@track()
class DatasetVersion(TimestampedModel):
    """A set of cases. A draft until it is published; then triggers refuse any change of it and of
    its cases, through any door, so that two runs over it asked the same."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    note = models.CharField(max_length=500, blank=True, help_text="What changed, and why.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    published_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["dataset", "-number"]
        triggers = [
            pgtrigger.Trigger(
                name="published_is_forever",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__published_at__isnull=False),
                func="""
                    RAISE EXCEPTION 'A published dataset version cannot change; make a new draft.'
                        USING ERRCODE = 'integrity_constraint_violation';
                """,
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="dataset_number_once"),
            models.UniqueConstraint(
                fields=["dataset"],
                condition=Q(published_at__isnull=True),
                name="one_draft_for_each_dataset",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset.slug} v{self.number}"


@track()
class Case(models.Model):
    """One input, and what a good answer to it has."""

    version = models.ForeignKey(DatasetVersion, models.CASCADE, related_name="cases")
    key = models.CharField(max_length=60, help_text="The same in every version of the dataset.")
    variables = models.JSONField(default=dict, blank=True)
    expected = models.JSONField(
        null=True, blank=True, help_text="A text, a number or JSON that checks compare with."
    )
    tags = models.JSONField(default=list, blank=True)
    must_pass = models.BooleanField(
        default=False, help_text="When it fails, no version goes live, whatever the others say."
    )
    source_job_id = models.UUIDField(
        null=True, blank=True, editable=False, help_text="The past call that it was made from."
    )
    masked = models.BooleanField(
        default=False, editable=False, help_text="Sensitive values of the past call were replaced."
    )

    class Meta:
        ordering = ["version", "id"]
        triggers = [
            pgtrigger.Trigger(
                name="case_of_a_draft",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF EXISTS (
                        SELECT FROM evals_datasetversion AS version
                        WHERE version.published_at IS NOT NULL
                          AND (TG_OP <> 'INSERT' AND version.id = OLD.version_id
                               OR TG_OP <> 'DELETE' AND version.id = NEW.version_id)
                    ) THEN
                        RAISE EXCEPTION 'The dataset version of this case is published.'
                            USING ERRCODE = 'integrity_constraint_violation';
                    END IF;
                    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                    RETURN NEW;
                """,
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["version", "key"], name="case_key_once"),
        ]

    def __str__(self) -> str:
        return self.key
