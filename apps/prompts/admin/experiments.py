"""Experiments: planned with their arms, started, grown and stopped through a confirm page."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from apps.core.admin import EmptyState, PlatformAdmin, short_time
from apps.prompts.admin.ask import ask
from apps.prompts.admin.cells import status_pill
from apps.prompts.admin.experiment_forms import (
    ArmForm,
    ExperimentForm,
    GrowForm,
    GuardrailForm,
    PromoteForm,
)
from apps.prompts.admin.prompts import may_release
from apps.prompts.assignment import percent
from apps.prompts.models import (
    Arm,
    Experiment,
    ExperimentPhase,
    ExperimentStatus,
    Guardrail,
    PromptVersion,
    VersionStatus,
)
from apps.prompts.models.experiments import PLAN
from apps.prompts.services import (
    grow_experiment,
    promote_arm,
    start_experiment,
    stop_experiment,
)

PLAN_FIELDS = {
    "fields": PLAN,
    "description": "Locked when the experiment starts. The calculator on the list's page tells how "
    "many subjects it takes.",
}
STANDS = ("state", "started", "stopped", "conclusion")
OFFERED: dict[str, tuple[str, ...]] = {
    ExperimentStatus.DRAFT: ("start",),
    ExperimentStatus.RUNNING: ("grow", "promote", "stop"),
    ExperimentStatus.PAUSED: ("stop",),
    ExperimentStatus.STOPPED: (),
}


class PhaseInline(admin.TabularInline[ExperimentPhase, Experiment]):
    model = ExperimentPhase
    verbose_name_plural = "Shares so far"
    fields = ("began", "of_all", "reason", "actor")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="From")
    def began(self, phase: ExperimentPhase) -> str:
        return short_time(phase.began_at)

    @admin.display(description="Share")
    def of_all(self, phase: ExperimentPhase) -> str:
        return percent(phase.share)


class DraftInline(admin.TabularInline[Any, Experiment]):
    """Rows that are edited while their experiment is a draft."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and _is_draft(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_draft(obj)


class ArmInline(DraftInline):
    model = Arm
    form = ArmForm
    extra = 2
    classes = ("p-arms",)
    readonly_fields = ("of_experiment", "now")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shares = ("weight",) if _is_draft(obj) else ("of_experiment", "now")
        return ("position", "slug", "version", *shares)

    @admin.display(description="Share")
    def of_experiment(self, arm: Arm) -> str:
        return percent(arm.weight)

    @admin.display(description="Now")
    def now(self, arm: Arm) -> str:
        if arm.paused_at is None:
            return "Not paused"
        return format_html("Paused {}: {}", short_time(arm.paused_at), arm.paused_because)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        field: Any = formset.form.base_fields.get("version")
        if field is not None:  # absent where everything is read-only
            sealed = PromptVersion.objects.filter(prompt=obj.prompt, status=VersionStatus.SEALED)
            field.queryset = sealed.select_related("prompt")
        return formset


class GuardrailInline(DraftInline):
    model = Guardrail
    form = GuardrailForm
    extra = 1
    fields = ("metric", "most")


@admin.register(Experiment)
class ExperimentAdmin(PlatformAdmin):
    form = ExperimentForm
    list_display = (
        "slug",
        "prompt",
        "channel",
        "state",
        "takes",
        "shares",
        "started",
        "stopped",
    )
    list_filter = ("status", "channel")
    search_fields = ("slug", "name", "prompt__slug")
    list_select_related = ("prompt", "channel")
    palette_fields = ("slug",)
    object_actions = ("start", "grow", "promote", "stop")
    change_list_template = "admin/prompts/experiment/change_list.html"
    empty_state = EmptyState(
        "An experiment lets two or more sealed versions answer side by side.",
        "Plan an experiment",
        "admin:prompts_experiment_add",
    )

    class Media:
        css = {"all": ["prompts/prompts.css"]}

    @admin.display(description="Status", ordering="status")
    def state(self, experiment: Experiment) -> str:
        return status_pill(experiment.status)

    @admin.display(description="Of all subjects")
    def takes(self, experiment: Experiment) -> str:
        return percent(experiment.share)

    @admin.display(description="Arms")
    def shares(self, experiment: Experiment) -> str:
        return ", ".join(f"{arm.slug} {arm.weight / 100:g} %" for arm in experiment.arms.all())

    @admin.display(description="Started", ordering="started_at")
    def started(self, experiment: Experiment) -> str:
        return short_time(experiment.started_at)

    @admin.display(description="Stopped", ordering="stopped_at")
    def stopped(self, experiment: Experiment) -> str:
        return short_time(experiment.stopped_at)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Experiment]:
        return super().get_queryset(request).prefetch_related("arms")

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        if obj is None:
            return []  # the prompt decides which versions to offer
        planned = [ArmInline, GuardrailInline]
        return planned if _is_draft(obj) else [*planned, PhaseInline]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Once it has started, its share is a fact and no field."""
        is_planned = obj is None or _is_draft(obj)
        share = "share" if is_planned else "takes"
        fields = ("slug", "name", "prompt", "channel", "hypothesis", share, "testers")
        found = [(None, {"fields": fields}), ("Plan", PLAN_FIELDS)]
        return found if is_planned else [("How it stands", {"fields": STANDS}), *found]

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        """New arms stand behind those that there are, each at a place of its own."""
        kwargs: dict[str, Any] = super().get_formset_kwargs(request, obj, inline, prefix)
        if isinstance(inline, ArmInline):
            taken = obj.arms.count()
            kwargs["initial"] = [{"position": taken + n} for n in range(1, inline.extra + 1)]
        return kwargs

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "prompt", "takes", *STANDS) if obj is not None else ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or _is_draft(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and obj is not None and _is_draft(obj)

    def has_release_permission(self, request: HttpRequest) -> bool:
        return may_release(request)  # it changes what a channel serves, as a release does

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """Stay: an experiment without arms isn't finished."""
        messages.success(request, f"{obj} is planned. Give it its arms.")
        return HttpResponseRedirect(self._change_url(obj))

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        offered = OFFERED[obj.status] if obj is not None else ()
        links = super()._action_links(request, obj)
        shown = [link for link in links if link[1].rstrip("/").rpartition("/")[2] in offered]
        if obj is None or _is_draft(obj):
            return shown
        return [("Results", reverse("admin:experiment_results", args=[obj.pk])), *shown]

    @admin.action(description="Start…", permissions=["release"])
    def start(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> HttpResponse | None:
        experiment = queryset.get()

        def run(values: Any) -> str:
            now, by = timezone.now(), request.user
            return f"{start_experiment(experiment=experiment, by=by, now=now)} is running."  # type: ignore[arg-type]

        return self._ask(request, experiment, run, "Start")

    @admin.action(description="Grow…", permissions=["release"])
    def grow(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> HttpResponse | None:
        experiment = queryset.get()

        def run(values: Any) -> str:
            grown = grow_experiment(
                experiment=experiment,
                share=values["share"],
                reason=values["reason"],
                by=request.user,  # type: ignore[arg-type]
                now=timezone.now(),
            )
            return f"{grown} takes {percent(grown.share)} of the subjects now."

        return self._ask(request, experiment, run, "Grow", GrowForm)

    @admin.action(description="Promote an arm…", permissions=["release"])
    def promote(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> HttpResponse | None:
        experiment = queryset.get()
        form = PromoteForm(request.POST if request.method == "POST" else None)
        field: Any = form.fields["arm"]
        field.queryset = experiment.arms.select_related("experiment", "version__prompt")

        def run(values: Any) -> str:
            asked = promote_arm(by=request.user, now=timezone.now(), **values)  # type: ignore[arg-type]
            return f"{experiment} has stopped. {asked}: {asked.get_state_display().lower()}."

        title = f"Stop {experiment} and ask for an arm's release to {experiment.channel}?"
        return ask(self, request, experiment, form=form, run=run, title=title, button="Promote")

    @admin.action(description="Stop…", permissions=["release"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> HttpResponse | None:
        experiment = queryset.get()

        def run(values: Any) -> str:
            stopped = stop_experiment(experiment=experiment, now=timezone.now())
            return f"{stopped} has stopped; the release on {stopped.channel} answers again."

        return self._ask(request, experiment, run, "Stop")

    def _ask(
        self,
        request: HttpRequest,
        experiment: Experiment,
        run: Any,
        word: str,
        asked: type[forms.Form] = forms.Form,
    ) -> HttpResponse | None:
        form = asked(request.POST if request.method == "POST" else None)
        arms = f"{percent(experiment.share)} of the subjects: {self.shares(experiment)}"
        title = f"{word} {experiment} on {experiment.channel}? ({arms})"
        return ask(self, request, experiment, form=form, run=run, title=title, button=word)


def _is_draft(obj: Any) -> bool:
    return obj is not None and obj.status == ExperimentStatus.DRAFT
