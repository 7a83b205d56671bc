"""Two versions of one prompt beside each other: their words, settings, what they send, and what
came of them. Everything that was chosen stands in the address."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from apps.core.rights import needs
from apps.evals.models import Case
from apps.playground import configuration
from apps.playground.services import compare_examples
from apps.prompts.admin.cells import live_pills, status_pill
from apps.prompts.admin.comments import comments_url
from apps.prompts.comparison import Comparison, compare_contents
from apps.prompts.edits import Work
from apps.prompts.models import Prompt, PromptVersion, Release, VersionStatus
from apps.prompts.selectors import open_releases
from apps.prompts.services import content_of
from apps.prompts.threads import Thread, threads_by_version

SHOWN = 200  # versions and cases that can be chosen
SAMPLES = "samples"
EVERYTHING = "everything"

Choices = Sequence[tuple[str, str]]


class CompareForm(forms.Form):
    a = forms.ChoiceField(label="From")
    b = forms.ChoiceField(label="To")
    show = forms.ChoiceField(
        label="Show", choices=[("differences", "Only differences"), (EVERYTHING, "Everything")]
    )
    sample = forms.ChoiceField(label="Example")

    def __init__(self, data: Mapping[str, Any], versions: Choices, samples: Choices) -> None:
        super().__init__(data, auto_id="compare-%s")
        self.fields["a"] = forms.ChoiceField(label="From", choices=versions)
        self.fields["b"] = forms.ChoiceField(label="To", choices=versions)
        self.fields["sample"] = forms.ChoiceField(label="Example", choices=samples)


@require_safe
@needs("prompts.view_promptversion")
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """`?a=` and `?b=` are numbers of versions; without them what is live, and the newest."""
    prompt = get_object_or_404(Prompt, pk=pk)
    live = list(open_releases().filter(prompt=prompt))
    versions = _versions(prompt, live)
    cases = _cases(prompt) if request.user.has_perm("evals.view_dataset") else {}
    data = _defaults(versions, live, request.GET.get("b", "")) | request.GET.dict()
    form = CompareForm(data, _picks(versions, live), _samples(cases))
    context = admin.site.each_context(request) | {
        "title": f"Compare versions of {prompt.slug}",
        "prompt": prompt,
        "opts": Prompt._meta,
        "form": form,
    }
    if form.is_valid():
        context |= _page(form.cleaned_data, prompt, cases, live)
        if request.user.has_perm("prompts.view_linecomment"):
            context |= _comments(context["sides"], context["found"])
    return TemplateResponse(request, "admin/playground/compare.html", context)


def _versions(prompt: Prompt, live: Sequence[Release]) -> list[PromptVersion]:
    """Newest first, without their content; of very many the newest, and what is live."""
    newest = prompt.versions.order_by("-number").values("pk")[:SHOWN]
    wanted = Q(pk__in=newest) | Q(pk__in=[row.version_id for row in live])
    rows = prompt.versions.filter(wanted).order_by("-number")
    return list(rows.only("prompt", "number", "status", "note"))


def _cases(prompt: Prompt) -> dict[str, Case]:
    """Of its datasets' newest published versions first."""
    rows = Case.objects.filter(
        version__dataset__prompt=prompt, version__published_at__isnull=False
    ).select_related("version__dataset")
    newest = rows.order_by("version__dataset__slug", "-version__number", "id")
    found: dict[tuple[str, str], Case] = {}
    for case in newest[:SHOWN]:
        found.setdefault((case.version.dataset.slug, case.key), case)
    return {str(case.pk): case for case in found.values()}


def _defaults(
    versions: Sequence[PromptVersion], live: Sequence[Release], wanted: str
) -> dict[str, str]:
    """From what is live to the one that is `wanted`, else to the newest; when that is live itself,
    from the one before it."""
    chosen = {"show": "differences", "sample": SAMPLES}
    if not versions:
        return chosen
    numbers = [str(row.number) for row in versions]
    new = wanted if wanted in numbers else numbers[0]
    first = sorted(live, key=lambda row: row.channel.slug != "production")
    candidates = [str(row.version.number) for row in first] + numbers[numbers.index(new) + 1 :]
    old = next((number for number in candidates if number != new), new)
    return chosen | {"a": old, "b": new}


def _picks(versions: Sequence[PromptVersion], live: Sequence[Release]) -> Choices:
    return [
        (str(row.number), " · ".join(filter(None, (f"v{row.number}", *_said(row, live)))))
        for row in versions
    ]


def _said(row: PromptVersion, live: Sequence[Release]) -> list[str]:
    channels = [release.channel.slug for release in live if release.version_id == row.pk]
    status = [] if channels else [row.get_status_display().lower()]
    return [*channels, *status, row.note[:60]]


def _samples(cases: Mapping[str, Case]) -> Choices:
    return [
        (SAMPLES, "The variables' samples"),
        *((pk, f"{case.version}: {case.key}") for pk, case in cases.items()),
    ]


def _page(
    chosen: Mapping[str, str],
    prompt: Prompt,
    cases: Mapping[str, Case],
    live: Sequence[Release],
) -> dict[str, Any]:
    numbers = (chosen["a"], chosen["b"])
    rows = prompt.versions.select_related("author", "prompt").filter(number__in=numbers)
    by_number = {str(row.number): row for row in rows}
    old, new = (by_number[number] for number in numbers)
    work, everything = Work(), chosen["show"] == EVERYTHING
    case = cases.get(chosen["sample"])
    return {
        "sides": [_side(old, live), _side(new, live)],
        "swapped": urlencode({**chosen, "a": chosen["b"], "b": chosen["a"]}),
        "everything": everything,
        "found": compare_contents(content_of(old), content_of(new), work, everything=everything),
        "example": compare_examples(
            old=content_of(old),
            new=content_of(new),
            config=configuration.current_config(),
            now=timezone.now(),
            kind=prompt.kind,
            values=case.variables if case else None,
            work=work,
            everything=everything,
        ),
        "case": case,
    }


def _comments(sides: Sequence[Mapping[str, Any]], found: Comparison) -> dict[str, Any]:
    """What was said about lines of both sides: under the lines that are shown, and the rest."""
    by_line: dict[tuple[str, int | None, int | None], list[Thread]] = {}
    shown = set(_lines_shown(found))
    rest = []
    versions: list[PromptVersion] = [one["version"] for one in sides]
    threads = threads_by_version({row.pk: content_of(row).messages for row in versions})
    for side, version in zip(("old", "new"), versions, strict=True):
        for thread in threads[version.pk]:
            at = (side, *(thread.place or (None, None)))
            if at in shown:
                by_line.setdefault(at, []).append(thread)
            elif side == "new" or version != versions[1]:
                rest.append((version, thread))
    return {"commented": by_line, "more_comments": rest}


def _lines_shown(found: Comparison) -> Iterator[tuple[str, int | None, int | None]]:
    for text in found.messages:
        for row in text.sides.rows:
            for side, at, cell in (("old", text.old_at, row.old), ("new", text.new_at, row.new)):
                if cell is not None:
                    yield side, at, cell.number


def _side(version: PromptVersion, live: Sequence[Release]) -> dict[str, Any]:
    mine = [row for row in live if row.version_id == version.pk]
    return {
        "version": version,
        "status": status_pill(version.status),
        "live": live_pills(mine) if mine else "",
        "said": " · ".join(filter(None, (str(version.author or ""), version.note))),
        "comments_url": comments_url(version),
        "is_sealed": version.status == VersionStatus.SEALED,
    }
