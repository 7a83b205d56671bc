"""Filters of the list of jobs."""

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from apps.jobs.models import Job, JobStatus


def _is_pair(value: str) -> None:
    if ":" not in value:
        raise ValidationError("Write metadata=key:value.")


class JobFilter(django_filters.FilterSet):  # type: ignore[misc]
    status = django_filters.MultipleChoiceFilter(choices=JobStatus.choices)
    prompt = django_filters.CharFilter(max_length=50, help_text="Slug of the prompt.")
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    metadata = django_filters.CharFilter(
        method="with_metadata", validators=[_is_pair], max_length=600, help_text="key:value"
    )

    class Meta:
        model = Job
        fields: list[str] = []

    def with_metadata(self, jobs: "QuerySet[Job]", name: str, value: str) -> "QuerySet[Job]":
        key, _, text = value.partition(":")
        return jobs.filter(metadata__contains={key: text})
