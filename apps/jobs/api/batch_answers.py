"""A batch and its rows as the API tells them."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from apps.core.money import exact_usd
from apps.jobs import selectors
from apps.jobs.api.answers import error_of, result_of, usage_of
from apps.jobs.models import Batch, Job


class CountsAnswer(serializers.Serializer[Any]):
    queued = serializers.IntegerField()
    running = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    expired = serializers.IntegerField()


class BatchSummary(serializers.Serializer[Batch]):
    id = serializers.UUIDField()
    status = serializers.SerializerMethodField()
    total = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    expired = serializers.IntegerField()
    metadata = serializers.DictField(child=serializers.CharField())
    request_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    links = serializers.SerializerMethodField()

    def get_status(self, batch: Batch) -> str:
        if batch.finished_at is not None:
            return "finished"
        return "cancelling" if batch.cancel_requested else "running"

    def get_links(self, batch: Batch) -> dict[str, str]:
        names = {"self": "batch-detail", "results": "batch-results"}
        if batch.finished_at is None:
            names["cancel"] = "batch-cancel"
        return {name: reverse(view, args=[batch.pk]) for name, view in names.items()}


class BatchAnswer(BatchSummary):
    counts = serializers.SerializerMethodField(help_text="Jobs by status.")
    cost_usd = serializers.SerializerMethodField(help_text="Exact, of all rows until now.")

    def get_counts(self, batch: Batch) -> dict[str, int]:
        return selectors.batch_counts(batch)

    def get_cost_usd(self, batch: Batch) -> str:
        return exact_usd(selectors.batch_cost(batch.pk))


def line_of(job: Job) -> Mapping[str, Any]:
    return {
        "index": job.batch_index,
        "id": str(job.pk),
        "status": job.status,
        "result": result_of(job),
        "error": error_of(job),
        "usage": usage_of(job),
        "cost_usd": exact_usd(job.cost_pico),
        "metadata": job.metadata,
    }
