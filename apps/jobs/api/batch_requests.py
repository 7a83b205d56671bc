"""What is posted and asked of a batch."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.core.api import ChoiceField, StrictSerializer, unknown_field
from apps.jobs.api.fields import StrictBooleanField, StrictDictField
from apps.jobs.api.requests import (
    PRIORITIES,
    JobRequest,
    Metadata,
)
from apps.jobs.services.batches.submit import (
    MAX_ROWS,
)


class BatchRow(JobRequest):
    """A job of a batch: it does not hurry, and its end alone is not told."""

    priority = ChoiceField(choices=list(PRIORITIES), default="low")
    webhook = StrictBooleanField(default=False, help_text="Tell the end of this row too.")


class Rows(serializers.ListField):
    """Rows as they came: each is judged alone, so that the faults of all are told at once."""

    def run_child_validation(self, data: list[Any]) -> list[Any]:
        return data


class BatchRequest(StrictSerializer):
    jobs = Rows(
        child=StrictDictField(),
        max_length=MAX_ROWS,
        help_text="Rows, each like the body of a job; priority low and a day of time by default.",
    )
    defaults = StrictDictField(
        required=False, help_text="Fields of every row that doesn't have them itself."
    )
    metadata = Metadata(required=False)
    webhook = StrictBooleanField(default=True, help_text="false: nobody is told of its end.")

    def validate_defaults(self, defaults: dict[str, Any]) -> dict[str, Any]:
        """A field that no row has is told once, and here; what it holds is judged in the rows."""
        known = BatchRow().fields
        if unknown := {name: unknown_field(known) for name in defaults if name not in known}:
            raise ValidationError(unknown)
        return defaults


class ResultsRange(StrictSerializer):
    """Of a batch's results: the first `limit` rows behind row `after`."""

    after = serializers.IntegerField(
        min_value=-1, max_value=MAX_ROWS, default=-1, help_text="The last row that you have."
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MAX_ROWS, required=False, help_text="Rows at most; all by default."
    )
