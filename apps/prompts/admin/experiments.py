"""Experiments: planned with their arms, started and stopped through a confirm page."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from apps.core.admin import EmptyState, PlatformAdmin, short_time
from apps.prompts.admin.ask import ask
from apps.prompts.admin.cells import status_pill
from apps.prompts.admin.prompts import may_release
from apps.prompts.models import Arm, Experiment, ExperimentStatus, PromptVersion, VersionStatus
from apps.prompts.services import start_experiment, stop_experiment

OFFERED = {
    ExperimentStatus.DRAFT: "start",
    ExperimentStatus.RUNNING: "stop",
    ExperimentStatus.STOPPED: "",
}


class ArmInline(admin.TabularInline[Arm, Experiment]):
    model = Arm
    extra = 2
    classes = ("p-arms",)
    fields = ("position", "slug", "version", "weight")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset = super().get_formset(request, obj, **kwargs)
        field: Any = formset.form.base_fields.get("version")
        if field is not None:  # absent where everything is read-only
            sealed = PromptVersion.objects.filter(prompt=obj.prompt, status=VersionStatus.SEALED)
            field.queryset = sealed.select_related("prompt")
        return formset

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and _is_draft(obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _is_draft(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_draft(obj)


@admin.register(Experiment)
class ExperimentAdmin(PlatformAdmin):
    list_display = ("slug", "prompt", "channel", "state", "shares", "started", "stopped")
    list_filter = ("status", "channel")
    search_fields = ("slug", "name", "prompt__slug")
    list_select_related = ("prompt", "channel")
    palette_fields = ("slug",)
    fields = ("slug", "name", "prompt", "channel", "hypothesis")
    object_actions = ("start", "stop")
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

    @admin.display(description="Shares")
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
        return [ArmInline] if obj is not None else []  # the prompt decides which versions to offer

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "prompt") if obj is not None else ()

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
        offered = OFFERED[obj.status] if obj is not None else ""
        links = super()._action_links(request, obj)
        return [link for link in links if link[1].endswith(f"/do/{offered}/")]

    @admin.action(description="Start…", permissions=["release"])
    def start(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> HttpResponse | None:
        experiment = queryset.get()

        def run(values: Any) -> str:
            now, by = timezone.now(), request.user
            return f"{start_experiment(experiment=experiment, by=by, now=now)} is running."  # type: ignore[arg-type]

        return self._ask(request, experiment, run, "Start")

    @admin.action(description="Stop…", permissions=["release"])
    def stop(self, request: HttpRequest, queryset: QuerySet[Experiment]) -> HttpResponse | None:
        experiment = queryset.get()

        def run(values: Any) -> str:
            stopped = stop_experiment(experiment=experiment, now=timezone.now())
            return f"{stopped} has stopped; the release on {stopped.channel} answers again."

        return self._ask(request, experiment, run, "Stop")

    def _ask(
        self, request: HttpRequest, experiment: Experiment, run: Any, word: str
    ) -> HttpResponse | None:
        form = forms.Form(request.POST if request.method == "POST" else None)
        title = f"{word} {experiment} ({self.shares(experiment)}) on {experiment.channel}?"
        return ask(self, request, experiment, form=form, run=run, title=title, button=word)


def _is_draft(obj: Any) -> bool:
    return obj is not None and obj.status == ExperimentStatus.DRAFT
