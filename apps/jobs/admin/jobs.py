"""The list of jobs and the page of one."""

import json
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin, confirmed_action, money, pill, short_time
from apps.core.admin.cells import NOTHING, Kind
from apps.jobs import selectors
from apps.jobs.admin.filters import CreatedFilter, found_by
from apps.jobs.admin.timeline import duration, timeline
from apps.jobs.models import Intervention, Job, JobStatus
from apps.jobs.services.cancel import cancel_all
from apps.jobs.services.interventions import record
from apps.jobs.services.retry import RETRYABLE, retry
from apps.jobs.waiting import waiting_of
from apps.prompts.models import PromptVersion

STATUS_PILLS: dict[str, Kind] = {
    JobStatus.QUEUED: "quiet",
    JobStatus.RUNNING: "info",
    JobStatus.SUCCEEDED: "ok",
    JobStatus.FAILED: "bad",
    JobStatus.CANCELLED: "quiet",
    JobStatus.EXPIRED: "warn",
}


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = (
        "created",
        "service",
        "version",
        "outcome",
        "priority",
        "attempts",
        "wait",
        "run",
        "cost",
    )
    list_filter = (CreatedFilter, "status", "service", "priority", "lane")
    list_select_related = ("service",)
    search_fields = ("id", "request_id")
    search_help_text = "Beginning of a job id or request id; looks at all times."
    palette_fields = ("id", "request_id")
    actions = ("cancel_jobs", "retry_jobs")
    object_actions = ("cancel_jobs", "retry_jobs")
    empty_state = EmptyState("No job was accepted in this period.")

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        return (queryset.filter(found_by(search_term)) if search_term else queryset), False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        text = ("request_text", "answer_text") if self._may_read(request) else ()
        return [
            (
                None,
                {
                    "fields": (
                        *("state", "where", "service", "version", "model", "priority", "lane"),
                        "fault",
                    )
                },
            ),
            ("Calls", {"fields": ("calls",)}),
            ("Times", {"fields": ("created", "wait", "run", "deadline", "next_run_at")}),
            *([("Request and answer", {"fields": text})] if text else []),
            ("Identity", {"fields": ("id", "request_id", "idempotency_key", "arm", "metadata")}),
            ("Ownership", {"fields": ("lease_until", "fence", "losses", "cancel_requested")}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for _, part in self.get_fieldsets(request, obj) for name in part["fields"]]

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """A batch's page leads to its jobs, the page of dead letters to those of one code."""
        led = lookup in {"batch__id__exact", "error_code__exact"}
        return led or super().lookup_allowed(lookup, value, request)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.operate_job")

    def _may_read(self, request: HttpRequest) -> bool:
        return request.user.has_perm("jobs.view_jobpayload")

    # --- cells -----------------------------------------------------------------------------------
    @admin.display(description="created", ordering="created_at")
    def created(self, job: Job) -> SafeString:
        return short_time(job.created_at)

    @admin.display(description="prompt version", ordering="prompt")
    def version(self, job: Job) -> str:
        if not job.prompt:
            return NOTHING
        text = f"{job.prompt} v{job.prompt_version}"
        if not admin.site.is_registered(PromptVersion):
            return text
        url = reverse("admin:prompts_promptversion_change", args=[job.prompt_version_id])
        return format_html('<a href="{}">{}</a>', url, text)

    @admin.display(description="status", ordering="status")
    def state(self, job: Job) -> SafeString:
        text = "cancelling" if job.cancel_requested else job.get_status_display().lower()
        return pill(text, STATUS_PILLS[job.status])

    @admin.display(description="where it is")
    def where(self, job: Job) -> str:
        waiting = waiting_of(job)
        if waiting is None:
            return NOTHING
        if waiting.until is None:
            return waiting.message
        return format_html("{} ({})", waiting.message, short_time(waiting.until))

    @admin.display(description="waited")
    def wait(self, job: Job) -> str:
        return _between(job.created_at, job.started_at)

    @admin.display(description="ran")
    def run(self, job: Job) -> str:
        return _between(job.started_at, job.finished_at)

    @admin.display(description="cost", ordering="cost_pico")
    def cost(self, job: Job) -> SafeString:
        return money(job.cost_pico)

    @admin.display(description="status", ordering="status")
    def outcome(self, job: Job) -> SafeString:
        """The state and, below it, why; one column, so that the cost stays in sight."""
        if not job.error_code:
            return self.state(job)
        why = '{}<br><span class="l-muted" title="{}">{}</span>'
        return format_html(why, self.state(job), job.error, job.error_code)

    @admin.display(description="error")
    def fault(self, job: Job) -> str:
        return f"{job.error_code}: {job.error}" if job.error_code else NOTHING

    @admin.display(description="calls")
    def calls(self, job: Job) -> SafeString:
        job.cost_pico = selectors.cost_of(job.pk)
        attempts = selectors.attempts_of([job.pk]).get(job.pk, ())
        return timeline(job, attempts, now=timezone.now())

    @admin.display(description="request")
    def request_text(self, job: Job) -> str:
        return _as_text(job.payload.request if hasattr(job, "payload") else None)

    @admin.display(description="answer")
    def answer_text(self, job: Job) -> str:
        return _as_text(job.payload.result if hasattr(job, "payload") else None)

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        """Only what can be done to the job as it stands."""
        links = super()._action_links(request, obj)
        if obj is None:
            return links
        useless = {"Cancel": obj.finished_at, "Retry failed": obj.status not in RETRYABLE}
        return [(label, url) for label, url in links if not useless.get(label)]

    # --- actions ---------------------------------------------------------------------------------
    @confirmed_action(
        description="Cancel",
        question="Cancel these jobs?",
        button="Cancel jobs",
        permissions=("operate",),
    )
    def cancel_jobs(self, request: HttpRequest, jobs: "QuerySet[Job]", reason: str) -> str:
        chosen = _chosen(jobs)
        record(action=Intervention.Action.CANCEL, rows=jobs, by=request.user, reason=reason)
        done = cancel_all(job_ids=chosen)
        left = len(chosen) - done.at_once - done.asked
        return (
            f"{done.at_once} cancelled, {done.asked} running are being stopped, "
            f"{left} had ended before."
        )

    @confirmed_action(
        description="Retry failed",
        question="Run these jobs again?",
        button="Retry jobs",
        permissions=("operate",),
    )
    def retry_jobs(self, request: HttpRequest, jobs: "QuerySet[Job]", reason: str) -> str:
        chosen = _chosen(jobs)
        record(action=Intervention.Action.RETRY, rows=jobs, by=request.user, reason=reason)
        queued = retry(job_ids=chosen)
        return f"{queued} queued again, {len(chosen) - queued} were neither failed nor expired."


def _chosen(jobs: "QuerySet[Job]") -> list[Any]:
    return list(jobs.order_by().values_list("pk", flat=True))


def _between(start: datetime | None, end: datetime | None) -> str:
    return NOTHING if start is None or end is None else duration((end - start).total_seconds())


def _as_text(value: Any) -> str:
    """JSON for reading; the page escapes it, so nothing that a model said is ever markup."""
    if value is None:
        return NOTHING
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return format_html('<pre tabindex="0">{}</pre>', text)
