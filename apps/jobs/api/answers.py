"""What a client reads: a job with its result, its calls and its exact cost."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.money import exact_usd
from apps.jobs.models import Job, JobStatus, Priority
from apps.jobs.types import AttemptView
from apps.jobs.waiting import Waiting
from apps.ledger.models import AttemptStatus


class AttemptAnswer(serializers.Serializer[AttemptView]):
    number = serializers.IntegerField()
    purpose = serializers.CharField()
    deployment = serializers.CharField()
    why = serializers.CharField(help_text="Why it was sent to this deployment.")
    status = serializers.CharField(help_text=", ".join(AttemptStatus.values))
    http_status = serializers.IntegerField(allow_null=True)
    error_kind = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    cost_usd = serializers.SerializerMethodField()

    def get_cost_usd(self, attempt: AttemptView) -> str:
        return exact_usd(attempt.cost_pico)


class FitAnswer(serializers.Serializer[Any]):
    left_out = serializers.ListField(child=serializers.CharField())
    saved_tokens = serializers.IntegerField(help_text="Input tokens that were not sent.")


class ResultAnswer(serializers.Serializer[Any]):
    text = serializers.CharField()
    finish_reason = serializers.CharField()
    message = serializers.JSONField(help_text="The assistant's message in OpenAI's form.")
    model = serializers.CharField(help_text="Model that answered.")
    parsed = serializers.JSONField(
        required=False, help_text="The text as JSON, when a response_schema was given."
    )
    fit = FitAnswer(required=False, help_text="What was left out of the prompt, so that it fits.")


class UsageAnswer(serializers.Serializer[Any]):
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    classes = serializers.DictField(child=serializers.IntegerField())


class TimingsAnswer(serializers.Serializer[Any]):
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    deadline = serializers.DateTimeField()
    next_run_at = serializers.DateTimeField(allow_null=True, help_text="Of a job that waits.")
    wait_ms = serializers.IntegerField(allow_null=True, help_text="Acceptance to first start.")
    run_ms = serializers.IntegerField(allow_null=True, help_text="First start to end.")


class ErrorAnswer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class WaitingAnswer(serializers.Serializer[Waiting]):
    reason = serializers.CharField(
        help_text="running, stopping, queued, overdue, no_worker, suspect, gathering, "
        "provider_batch, or the code of the last refusal."
    )
    message = serializers.CharField()
    until = serializers.DateTimeField(
        allow_null=True, help_text="When it is tried again, or the end of its worker's lease."
    )
    ahead = serializers.IntegerField(
        allow_null=True, help_text="Jobs before it in the queue, counted up to 1,000."
    )


class JobSummary(serializers.Serializer[Job]):
    """A job without its text, as lists show it."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=JobStatus.choices)
    prompt = serializers.CharField()
    prompt_version = serializers.IntegerField(help_text="0: no prompt.")
    arm = serializers.CharField(help_text="Experiment and arm, when one assigned the version.")
    model = serializers.CharField(help_text="Route or model that was asked for.")
    priority = serializers.SerializerMethodField()
    cost_usd = serializers.SerializerMethodField(help_text="Exact.")
    cache = serializers.CharField(
        help_text="hit, similar, coalesced, stale, miss or bypass; empty before the answer."
    )
    timings = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    lane = serializers.CharField(
        help_text="allowed: waits for a provider's batch; batch: in one, or answered by one; "
        "returned: came back from one; empty: the normal way."
    )
    cancel_requested = serializers.BooleanField()
    metadata = serializers.DictField(child=serializers.CharField())
    request_id = serializers.CharField()
    batch = serializers.UUIDField(source="batch_id", allow_null=True)
    links = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=[p.name.lower() for p in Priority]))
    def get_priority(self, job: Job) -> str:
        return Priority(job.priority).name.lower()

    def get_cost_usd(self, job: Job) -> str:
        return exact_usd(job.cost_pico)

    @extend_schema_field(TimingsAnswer)
    def get_timings(self, job: Job) -> Any:
        queued = job.status == JobStatus.QUEUED
        moments = {
            "created_at": job.created_at,
            "started_at": job.started_at,
            "finished_at": job.finished_at,
            "deadline": job.deadline,
            "next_run_at": job.next_run_at if queued else None,
            "wait_ms": _milliseconds(job.created_at, job.started_at),
            "run_ms": _milliseconds(job.started_at, job.finished_at),
        }
        return TimingsAnswer(moments).data

    @extend_schema_field(ErrorAnswer(allow_null=True))
    def get_error(self, job: Job) -> Mapping[str, str] | None:
        return error_of(job)

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_links(self, job: Job) -> dict[str, str]:
        links = {"self": job_url(job)}
        if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
            links["cancel"] = reverse("job-cancel", args=[job.pk])
        return links


class JobAnswer(JobSummary):
    """A job with all that is known of it. Needs `attempts`, `cost_pico` and `waiting` in its
    context."""

    waiting = serializers.SerializerMethodField(
        help_text="Where an unfinished job is and why it waits; null when it ended or just came."
    )
    result = serializers.SerializerMethodField()
    usage = serializers.SerializerMethodField()
    attempts = serializers.SerializerMethodField()

    def get_cost_usd(self, job: Job) -> str:
        return exact_usd(self.context["cost_pico"])

    @extend_schema_field(WaitingAnswer(allow_null=True))
    def get_waiting(self, job: Job) -> Any:
        waiting = self.context["waiting"]
        return waiting and WaitingAnswer(waiting).data

    @extend_schema_field(ResultAnswer(allow_null=True))
    def get_result(self, job: Job) -> dict[str, Any] | None:
        return result_of(job)

    @extend_schema_field(UsageAnswer)
    def get_usage(self, job: Job) -> dict[str, Any]:
        return usage_of(job)

    @extend_schema_field(AttemptAnswer(many=True))
    def get_attempts(self, job: Job) -> Any:
        return [AttemptAnswer(attempt).data for attempt in self.context["attempts"]]


def result_of(job: Job) -> dict[str, Any] | None:
    stored = job.payload.result if hasattr(job, "payload") else None
    if stored is None:
        return None
    result = {name: stored[name] for name in ("text", "finish_reason", "message", "model")}
    if "response_schema" in job.payload.request:
        result["parsed"] = _parsed(stored["text"])
    if "fit" in stored:
        result["fit"] = stored["fit"]
    return result


def usage_of(job: Job) -> dict[str, Any]:
    stored = job.payload.result if hasattr(job, "payload") else None
    return {
        "input_tokens": job.input_tokens,
        "output_tokens": job.output_tokens,
        "classes": stored["usage"] if stored else {},
    }


def error_of(job: Job) -> Mapping[str, str] | None:
    return {"code": job.error_code, "message": job.error} if job.error_code else None


def job_url(job: Job) -> str:
    return reverse("job-detail", args=[job.pk])


def _milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else int((end - start).total_seconds() * 1000)


def _parsed(text: str) -> Any:
    """The answer as JSON; None when the model did not keep to it."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
