"""Datasets: their cases, where they come from, and runs over them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.core.admin import EmptyState, PlatformAdmin, pill, short_time
from apps.core.admin.cells import NOTHING
from apps.core.clock import db_now
from apps.evals.admin.ask import ask, page, show_faults
from apps.evals.admin.cells import passed_pill, run_link, short, short_variables, status_pill
from apps.evals.admin.forms import ImportForm, NoteForm, PastCallsForm, RunForm
from apps.evals.errors import EvalError
from apps.evals.models import Case, Dataset, DatasetVersion, EvalRun
from apps.evals.selectors import declared_variables, rates_of
from apps.evals.services.datasets import draft_version, import_cases, plan_import, publish
from apps.evals.services.past_calls import (
    READ_PAYLOADS,
    add_past_calls,
    masked_calls,
    past_calls,
)
from apps.evals.services.runs import quote_run, start_run

SHOWN = 100  # cases, runs and rows of a dry run on a page
CALLS = 30  # past calls that are offered


@admin.register(Dataset)
class DatasetAdmin(PlatformAdmin):
    list_display = ("slug", "name", "prompt", "published", "cases", "draft", "changed")
    list_filter = ("prompt",)
    search_fields = ("slug", "name", "prompt__slug")
    list_select_related = ("prompt",)
    palette_fields = ("slug",)
    autocomplete_fields = ("prompt",)
    fields = ("slug", "name", "prompt", "description")
    object_actions = ("run", "import_from_file", "add_past", "publish_draft")
    change_form_template = "admin/evals/dataset/change_form.html"
    empty_state = EmptyState(
        "A dataset holds cases that a prompt must handle, so that versions can be compared.",
        "Create your first dataset",
        "admin:evals_dataset_add",
    )

    class Media:
        css = {"all": ["prompts/prompts.css", "evals/evals.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        versions = DatasetVersion.objects.filter(dataset=OuterRef("pk"))
        newest = versions.filter(published_at__isnull=False).order_by("-number")
        cases = Case.objects.filter(version=OuterRef("newest_id")).order_by().values("version")
        rows: QuerySet[Dataset] = super().get_queryset(request)
        return rows.annotate(
            newest_id=Subquery(newest.values("pk")[:1]),
            newest_number=Subquery(newest.values("number")[:1]),
            draft_number=Subquery(versions.filter(published_at=None).values("number")[:1]),
        ).annotate(case_count=Subquery(cases.annotate(n=Count("pk")).values("n")))

    @admin.display(description="Published")
    def published(self, row: Any) -> SafeString | str:
        return pill(f"v{row.newest_number}", "ok") if row.newest_number else NOTHING

    @admin.display(description="Cases")
    def cases(self, row: Any) -> str:
        return f"{row.case_count:,}" if row.case_count else NOTHING

    @admin.display(description="Draft")
    def draft(self, row: Any) -> SafeString | str:
        return pill(f"v{row.draft_number}", "warn") if row.draft_number else NOTHING

    @admin.display(description="Changed", ordering="updated_at")
    def changed(self, row: Dataset) -> SafeString:
        return short_time(row.updated_at)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "prompt") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        folded = {"fields": self.fields, "classes": ["collapse"]}
        return [("Name, prompt, description", folded if obj else {"fields": self.fields})]

    def has_run_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("evals.add_evalrun"))

    def has_write_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("evals.change_datasetversion"))

    def has_past_permission(self, request: HttpRequest) -> bool:
        return self.has_write_permission(request) and request.user.has_perm(READ_PAYLOADS)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        messages.success(request, f"{obj} is there. Give it its cases.")
        return HttpResponseRedirect(self._change_url(obj))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        dataset = self.get_object(request, object_id)
        if request.method == "POST" and "new_draft" in request.POST and dataset is not None:
            if self.has_write_permission(request):
                draft_version(dataset=dataset, by=request.user)  # type: ignore[arg-type]
            return HttpResponseRedirect(request.path)
        context = _page(dataset, request.GET.get("version", "")) if dataset is not None else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        """What the dataset's state allows: nothing to publish without a draft, nothing to run
        without something published."""
        links = super()._action_links(request, obj)
        hidden = {"publish_draft": not getattr(obj, "draft_number", None)}
        hidden["run"] = not getattr(obj, "newest_number", None)
        return [link for link in links if not hidden.get(link[1].rstrip("/").rpartition("/")[2])]

    @admin.action(description="Import…", permissions=["write"])
    def import_from_file(
        self, request: HttpRequest, queryset: QuerySet[Dataset]
    ) -> HttpResponse | None:
        dataset = queryset.get()
        posted = (request.POST, request.FILES) if request.method == "POST" else ()
        form = ImportForm(*posted)
        plan = None
        if request.method == "POST" and form.is_valid():
            text = form.cleaned_data["text"]
            if "confirmed" in request.POST:
                try:
                    draft = import_cases(dataset=dataset, text=text, by=request.user)  # type: ignore[arg-type]
                except EvalError as error:  # another import came in between
                    show_faults(form, error)
                else:
                    messages.success(request, f"The cases are in the draft {draft}.")
                    return None
            plan = plan_import(dataset=dataset, text=text)
        declared = declared_variables(dataset.prompt)
        names = sorted(declared, key=lambda name: (not declared[name].required, name))
        context = {
            "title": f"Import cases into {dataset}",
            "form": form,
            "plan": plan,
            "counts": [(plan.count(name), name) for name in ("new", "changed", "same")]
            if plan
            else (),
            "shown": plan.rows[:SHOWN] if plan else (),
            "text": form.cleaned_data.get("text", "") if form.is_bound else "",
            "columns": ",".join(["key", *names, "expected", "tags", "must_pass"]),
            "faults": plan.faults[:SHOWN] if plan else (),
        }
        return page(self, request, dataset, "admin/evals/import.html", context)

    @admin.action(description="Add past calls…", permissions=["past"])
    def add_past(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> HttpResponse | None:
        dataset = queryset.get()
        form = PastCallsForm(request.POST if request.method == "POST" else None)
        form.fields["calls"].choices = _past_choices(dataset)  # type: ignore[attr-defined]

        def run(values: Any) -> str:
            given = dict(values)
            ids = given.pop("calls")
            draft = add_past_calls(dataset=dataset, job_ids=ids, by=request.user, **given)  # type: ignore[arg-type]
            return f"{len(ids)} past calls are cases of the draft {draft} now."

        return ask(
            self,
            request,
            dataset,
            form=form,
            run=run,
            title=f"Past calls of {dataset.prompt} as cases",
            button="Add them to the draft",
        )

    @admin.action(description="Publish draft…", permissions=["write"])
    def publish_draft(
        self, request: HttpRequest, queryset: QuerySet[Dataset]
    ) -> HttpResponse | None:
        dataset = queryset.get()
        draft = draft_version(dataset=dataset, by=request.user)  # type: ignore[arg-type]

        def run(values: Any) -> str:
            return f"{publish(version=draft, note=values['note'], now=db_now())} is published."

        count = draft.cases.count()
        return ask(
            self,
            request,
            dataset,
            form=NoteForm(request.POST or None),
            run=run,
            title=f"Publish {draft} with {count:,} cases? It can never change again.",
            button="Publish",
        )

    @admin.action(description="Run…", permissions=["run"])
    def run(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> HttpResponse | None:
        dataset = queryset.get()
        form = RunForm(dataset, request.POST or None, initial=request.GET.dict())
        quote = None
        if request.method == "POST" and form.is_valid():
            quote = quote_run(plan=form.plan)
            if "start" in request.POST:
                started = self._start(request, form, quote.at_most_pico)
                if started is not None:
                    messages.success(request, f"{started} has started.")
                    return HttpResponseRedirect(
                        reverse("admin:evals_evalrun_change", args=[started.pk])
                    )
        context = {"title": f"Run {dataset}", "form": form, "quote": quote}
        return page(self, request, dataset, "admin/evals/run.html", context)

    def _start(self, request: HttpRequest, form: RunForm, quoted: int) -> EvalRun | None:
        cap = form.cleaned_data["cost_cap"]
        try:
            return start_run(
                plan=form.plan,
                cost_cap_pico=quoted if cap is None else cap,
                by=request.user,  # type: ignore[arg-type]
                now=db_now(),
            )
        except EvalError as error:
            show_faults(form, error)
            return None


def _past_choices(dataset: Dataset) -> list[tuple[str, str]]:
    """Masked as they would be stored."""
    jobs = past_calls(dataset.prompt).select_related("payload")[:CALLS]
    masked = masked_calls(jobs=jobs, prompt=dataset.prompt)
    return [
        (
            str(job.pk),
            f"{job.created_at:%d %b %H:%M} · {short_variables(masked[job.pk].variables)}",
        )
        for job in jobs
    ]


def _page(dataset: Dataset, number: str) -> dict[str, Any]:
    """The cards: versions, the cases of one of them, runs."""
    versions: list[Any] = list(
        dataset.versions.annotate(count=Count("cases")).select_related("author").order_by("-number")
    )
    chosen = next((row for row in versions if str(row.number) == number), None)
    version = chosen or (versions[0] if versions else None)
    runs = EvalRun.objects.filter(dataset_version__dataset=dataset)
    runs = runs.select_related("version__prompt", "dataset_version", "suite")[:20]
    rates = rates_of(runs)
    return {
        "versions": [{"row": row, "published": short_time(row.published_at)} for row in versions],
        "version": version,
        "has_draft": any(row.published_at is None for row in versions),
        "cases": _case_rows(version) if version else [],
        "more": max(0, version.count - SHOWN) if version else 0,
        "runs": [
            {
                "link": run_link(run),
                "row": run,
                "status": status_pill(run),
                "rate": rates.get(run.pk),
                "when": short_time(run.created_at),
            }
            for run in runs
        ],
        "passed_pill": passed_pill,
    }


def _case_rows(version: DatasetVersion) -> list[dict[str, Any]]:
    return [
        {
            "url": reverse("admin:evals_case_change", args=[case.pk]),
            "row": case,
            "given": short_variables(case.variables),
            "expected": short(case.expected),
            "must_pass": pill("must pass", "info") if case.must_pass else "",
            "masked": pill("masked") if case.masked else "",
        }
        for case in version.cases.order_by("id")[:SHOWN]
    ]
