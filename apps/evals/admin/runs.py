"""Runs: how far one is, what it found, what it costs, and how it stands against another."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, ReadOnlyAdmin, short_time
from apps.core.admin.cells import NOTHING, money
from apps.core.clock import db_now
from apps.evals.admin.ask import ask, page
from apps.evals.admin.cells import status_pill
from apps.evals.admin.compared import compared_page
from apps.evals.admin.forms import ReasonForm, ResumeForm, SampleForm
from apps.evals.admin.found import run_page
from apps.evals.models import OPEN_RUNS, EvalRun, ResultState
from apps.evals.selectors import rates_of
from apps.evals.services.reviews import sample_for_agreement
from apps.evals.services.runs import cancel_run, resume_run
from apps.evals.stored import checks_of
from apps.evals.types import CheckKind


@admin.register(EvalRun)
class EvalRunAdmin(ReadOnlyAdmin):
    list_display = (
        "title", "version", "dataset_version", "suite", "state", "rate", "cap", "started_by",
        "started",
    )  # fmt: skip
    list_display_links = ("title",)
    list_filter = ("status", "suite", "dataset_version__dataset")
    search_fields = ("version__prompt__slug", "suite__slug")
    list_select_related = ("version__prompt", "dataset_version__dataset", "suite", "started_by")
    ordering = ("-id",)
    object_actions = ("cancel", "resume", "ask_people")
    change_form_template = "admin/evals/evalrun/change_form.html"
    empty_state = EmptyState(
        "A run lets a version answer all cases of a dataset. Start one from a dataset’s page.",
        "Go to the datasets",
        "admin:evals_dataset_changelist",
    )

    class Media:
        css = {"all": ["prompts/prompts.css", "evals/evals.css"]}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.compare_view)
        here = path("<int:new>/compare/<int:old>/", view, name="evals_compare")
        return [here, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvalRun]:
        related = ("version__prompt", "dataset_version__dataset", "suite", "baseline__version")
        return super().get_queryset(request).select_related(*related)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        found = super().get_changelist_instance(request)
        self._rates = rates_of(found.result_list)
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return []  # the page's own cards say it better

    @admin.display(description="Run", ordering="id")
    def title(self, run: EvalRun) -> str:
        return f"Run {run.pk}"

    @admin.display(description="Status", ordering="status")
    def state(self, run: EvalRun) -> SafeString:
        return status_pill(run)

    @admin.display(description="Passes")
    def rate(self, run: EvalRun) -> str:
        passed, decided = self._rates.get(run.pk, (0, 0))
        return f"{passed / decided:.0%} of {decided:,}" if decided else NOTHING

    @admin.display(description="Cost cap", ordering="cost_cap_pico")
    def cap(self, run: EvalRun) -> SafeString:
        return money(run.cost_cap_pico)

    @admin.display(description="Started", ordering="created_at")
    def started(self, run: EvalRun) -> SafeString:
        return short_time(run.created_at)

    def has_run_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("evals.add_evalrun"))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        run = self.get_object(request, object_id)
        context = run_page(run, request.GET) if run is not None else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def compare_view(self, request: HttpRequest, new: int, old: int) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request)
        found = {run.pk: run for run in rows.filter(pk__in=[new, old])}
        if new == old or len(found) < 2:
            raise Http404
        context = compared_page(found[new], found[old], request.GET)
        return page(self, request, found[new], "admin/evals/compare.html", context)

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        if obj is None:
            return []
        offered = {"cancel"} if obj.status in OPEN_RUNS else _after_end(obj)
        links = super()._action_links(request, obj)
        return [link for link in links if link[1].rstrip("/").rpartition("/")[2] in offered]

    @admin.action(description="Cancel…", permissions=["run"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[EvalRun]) -> HttpResponse | None:
        run = queryset.get()

        def do(values: Any) -> str:
            cancel_run(run=run, **values)
            return f"Run {run.pk} is being stopped. What is answered stays."

        form = ReasonForm(request.POST or None)
        return ask(
            self, request, run, form=form, run=do, title=f"Cancel run {run.pk}?", button="Cancel it"
        )

    @admin.action(description="Resume…", permissions=["run"])
    def resume(self, request: HttpRequest, queryset: QuerySet[EvalRun]) -> HttpResponse | None:
        run = queryset.get()

        def do(values: Any) -> str:
            resume_run(run=run, cost_cap_pico=values["cost_cap"], now=db_now())
            return f"Run {run.pk} asks again for what is missing."

        form = ResumeForm(request.POST if request.method == "POST" else None)
        title = f"Ask again for what run {run.pk} has no answer or no judgement to?"
        return ask(self, request, run, form=form, run=do, title=title, button="Resume")

    @admin.action(description="Compare judge with people…", permissions=["run"])
    def ask_people(self, request: HttpRequest, queryset: QuerySet[EvalRun]) -> HttpResponse | None:
        run = queryset.get()
        form = SampleForm(request.POST if request.method == "POST" else None)

        def do(values: Any) -> str:
            added = sum(
                sample_for_agreement(run=run, check_index=index, count=values["count"])
                for index in _judged(run)
            )
            return f"{added} answers wait for reviews now."

        title = "Have people review answers that a judge scored?"
        return ask(self, request, run, form=form, run=do, title=title, button="Ask for reviews")


def _after_end(run: EvalRun) -> set[str]:
    missing = run.results.filter(state=ResultState.FAILED).exists()
    unjudged = run.results.filter(judgements__done=True, judgements__score=None).exists()
    offered = {"resume"} if missing or unjudged else set()
    return offered | ({"ask_people"} if _judged(run) else set())


def _judged(run: EvalRun) -> list[int]:
    checks = enumerate(checks_of(run.checks))
    return [index for index, check in checks if check.kind == CheckKind.JUDGE_RUBRIC]
