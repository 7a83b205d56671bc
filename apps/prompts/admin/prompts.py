"""The list of prompts and the page of one."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from apps.core.admin import EmptyState, pill, short_time
from apps.prompts.admin.ask import ReasonForm, ask
from apps.prompts.admin.cells import (
    compare_url,
    live_pills,
    request_pills,
    status_pill,
    version_link,
    who_released,
)
from apps.prompts.admin.files import FilesAdmin
from apps.prompts.admin.folders import FoldersAdmin
from apps.prompts.admin.prompt_list import PromptListAdmin
from apps.prompts.admin.usage import examples
from apps.prompts.engine import Include
from apps.prompts.errors import PromptError
from apps.prompts.fragments import include_text
from apps.prompts.models import Channel, Inclusion, Prompt, PromptVersion, Release, ReleaseRequest
from apps.prompts.selectors import (
    dependents,
    live_version,
    open_releases,
    open_requests,
    releases_with_people,
)
from apps.prompts.services import new_draft, rollback, update_dependents, version_before
from apps.prompts.types import PromptKind

SHOWN = 50  # versions and releases on a prompt's page


class WordsField(forms.CharField):
    """Words between commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        return [word.strip() for word in super().clean(value).split(",") if word.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class PromptForm(forms.ModelForm[Prompt]):
    tags = WordsField(required=False, help_text="Between commas, e.g. shop, texts.")

    class Meta:
        model = Prompt
        fields = [
            "kind",
            "slug",
            "name",
            "folder",
            "description",
            "owner",
            "tags",
            "on_unknown",
            "archived",
        ]


class RollbackForm(ReasonForm):
    """Where to go back, among the channels that have something to go back to."""

    channel = forms.ChoiceField()
    field_order = ("channel", "reason")

    def __init__(self, prompt: Prompt, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        targets = _rollback_targets(prompt)
        self.fields["channel"] = forms.ChoiceField(
            choices=[(slug, f"{slug}: back to v{to.number}") for slug, to in targets.items()]
        )


@admin.register(Prompt)
class PromptAdmin(FilesAdmin, FoldersAdmin, PromptListAdmin):
    actions = (*FilesAdmin.actions, *FoldersAdmin.actions)
    form = PromptForm
    palette_fields = ("slug",)
    object_actions = ("new_draft_from_live", "roll_back", "update_dependents")
    empty_state = EmptyState(
        "A prompt is one task that a service asks a model for.",
        "Create your first prompt",
        "admin:prompts_prompt_add",
    )
    change_form_template = "admin/prompts/prompt/change_form.html"

    class Media:
        css = {"all": ["prompts/prompts.css"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("kind", "slug") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What people come for is the prompt's versions; its name can stay folded."""
        fields = PromptForm.Meta.fields
        folded = {"fields": fields, "classes": ["collapse"]}
        return [
            ("Name, folder, owner, tags, unknown outcomes", folded if obj else {"fields": fields})
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        prompt = self.get_object(request, object_id)
        context = _page(prompt, _requests(request, prompt)) if prompt is not None else {}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def _action_links(self, request: HttpRequest, obj: Any) -> list[tuple[str, str]]:
        """New draft is a button of its own form; a rollback needs somewhere to go, an update
        prompts that are behind."""
        if obj is None:
            return []
        offered = {"roll_back": bool(_rollback_targets(obj)), "update_dependents": _behind(obj)}
        links = super()._action_links(request, obj)
        kept = [link for link in links if offered.get(link[1].rstrip("/").rsplit("/", 1)[1])]
        return [*kept, ("Compare…", compare_url(obj.pk))]

    def response_post_save_add(self, request: HttpRequest, obj: Prompt) -> HttpResponseRedirect:
        """On to its first draft: a prompt without words is of no use."""
        if not self.has_draft_permission(request):
            return super().response_post_save_add(request, obj)
        draft = new_draft(prompt=obj, based_on=None, by=_person(request))
        return HttpResponseRedirect(reverse("admin:prompts_promptversion_change", args=[draft.pk]))

    @admin.action(description="New draft", permissions=["draft"])
    def new_draft_from_live(
        self, request: HttpRequest, queryset: QuerySet[Prompt]
    ) -> HttpResponse | None:
        """Runs at once from a POST: a draft does no harm."""
        if request.method != "POST":
            return None
        prompt = queryset.get()
        try:
            draft = new_draft(prompt=prompt, based_on=live_version(prompt), by=_person(request))
        except PromptError as error:
            messages.error(request, str(error))
            return None
        return HttpResponseRedirect(reverse("admin:prompts_promptversion_change", args=[draft.pk]))

    @admin.action(description="Roll back…", permissions=["release"])
    def roll_back(self, request: HttpRequest, queryset: QuerySet[Prompt]) -> HttpResponse | None:
        prompt = queryset.get()

        def run(values: Any) -> str:
            made = rollback(
                prompt=prompt,
                channel=Channel.objects.get(slug=values["channel"]),
                reason=values["reason"],
                by=_person(request),
                now=timezone.now(),
            )
            return f"{made.version} is live on {made.channel} again."

        chosen = {"channel": request.GET.get("channel", "")}
        form = RollbackForm(prompt, request.POST or None, initial=chosen)
        return ask(
            self,
            request,
            prompt,
            form=form,
            run=run,
            title=f"Roll back {prompt}?",
            button="Roll back",
        )

    @admin.action(description="Update prompts that include it…", permissions=["draft"])
    def update_dependents(
        self, request: HttpRequest, queryset: QuerySet[Prompt]
    ) -> HttpResponse | None:
        prompt = queryset.get()
        newest, behind = live_version(prompt), _behind(prompt)
        if newest is None:
            return None

        def run(values: Any) -> str:
            made = update_dependents(fragment=newest, by=_person(request))
            for version, why in made.left:
                messages.warning(request, f"{version.prompt}: {why}")
            drafts = ", ".join(map(str, made.drafts)) or "no draft"
            return f"Made {drafts}. Nothing that is live changed."

        return ask(
            self,
            request,
            prompt,
            form=forms.Form(request.POST if request.method == "POST" else None),
            run=run,
            title=f"A draft with {newest} for each prompt that includes an older version?",
            button="Make drafts",
            context={"dependents": _dependent_rows(behind)},
        )

    def has_draft_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("prompts.add_promptversion")

    def has_release_permission(self, request: HttpRequest) -> bool:
        return may_release(request)


def may_release(request: HttpRequest) -> bool:
    """On any channel; protected ones ask for more."""
    return any(map(request.user.has_perm, ("prompts.add_release", "prompts.release_protected")))


def _behind(prompt: Prompt) -> list[Inclusion]:
    """Who includes an older version than the newest of this fragment."""
    newest = live_version(prompt) if prompt.kind == PromptKind.FRAGMENT else None
    if newest is None:
        return []
    return [row for row in dependents(prompt) if row.fragment.number < newest.number]


def _dependent_rows(rows: list[Inclusion]) -> list[dict[str, Any]]:
    return [
        {"link": version_link(row.version, str(row.version)), "number": row.fragment.number}
        for row in rows
    ]


def _person(request: HttpRequest) -> Any:
    if not request.user.is_authenticated:
        raise PermissionDenied
    return request.user


def _rollback_targets(prompt: Prompt) -> dict[str, PromptVersion]:
    """Channel → version that a rollback would bring back."""
    live = Channel.objects.filter(pk__in=open_releases().filter(prompt=prompt).values("channel"))
    found = {channel.slug: version_before(prompt=prompt, channel=channel) for channel in live}
    return {slug: version for slug, version in found.items() if version is not None}


def _requests(request: HttpRequest, prompt: Prompt) -> list[ReleaseRequest]:
    may = request.user.has_perm("prompts.view_releaserequest")
    return list(open_requests(prompt.release_requests.all())) if may else []


def _page(prompt: Prompt, asked: list[ReleaseRequest]) -> dict[str, Any]:
    """The cards below the form."""
    releases = list(open_releases().filter(prompt=prompt))
    version = live_version(prompt)
    channel = next((row.channel.slug for row in releases if row.version == version), "production")
    return {
        "live_releases": live_pills(releases),
        "versions": _version_rows(prompt, releases, asked),
        "timeline": _timeline(prompt),
        "channels": _channels(prompt),
        "experiments": prompt.experiments.select_related("channel")[:SHOWN],
        "dependents": _dependent_rows(dependents(prompt)),
        "include_text": include_text(Include(prompt.slug, None)),
        "examples": examples(version, channel) if version and releases else {},
    }


def _version_rows(
    prompt: Prompt, releases: list[Release], asked: list[ReleaseRequest]
) -> list[dict[str, Any]]:
    rows = prompt.versions.select_related("author").order_by("-number")
    return [
        {
            "link": version_link(row, f"v{row.number}"),
            "compare": compare_url(prompt.pk, new=row),
            "status": status_pill(row.status),
            "live": live_pills([each for each in releases if each.version_id == row.pk]),
            "asked": request_pills([each for each in asked if each.version_id == row.pk]),
            "row": row,
            "sealed": short_time(row.sealed_at),
        }
        for row in rows.defer("messages", "variables", "response_schema")[:SHOWN]
    ]


def _channels(prompt: Prompt) -> list[tuple[str, str]]:
    """Those that it was ever released on, with the page of its course there."""
    slugs = prompt.releases.order_by("channel__slug").values_list("channel__slug", flat=True)
    return [
        (slug, reverse("admin:channel_course", args=[prompt.pk, slug])) for slug in slugs.distinct()
    ]


def _timeline(prompt: Prompt) -> list[dict[str, Any]]:
    found = releases_with_people(prompt.releases.select_related("channel", "version"))
    return [
        {
            "row": row,
            "who": who_released(row),
            "link": version_link(row.version, f"v{row.version.number}"),
            "from": short_time(row.released_at),
            "to": short_time(row.ended_at) if row.ended_at else pill("live", "ok"),
        }
        for row in found.order_by("-id")[:SHOWN]
    ]
