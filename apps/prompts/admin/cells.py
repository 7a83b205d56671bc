"""What lists and cards show of prompts."""

from collections.abc import Iterable

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from apps.core.admin import pill
from apps.core.admin.cells import NOTHING
from apps.prompts.models import PromptVersion, Release, ReleaseKind, ReleaseRequest

STATUS_KINDS = {
    "draft": "warn",
    "sealed": "ok",
    "retired": "quiet",
    "running": "ok",
    "stopped": "quiet",
}


def status_pill(status: str) -> SafeString:
    return pill(status, STATUS_KINDS.get(status, "quiet"))  # type: ignore[arg-type]


def live_pills(releases: Iterable[Release]) -> SafeString:
    """One pill for each channel: where, and which number."""
    texts = [f"{row.channel.slug} v{row.version.number}" for row in releases]
    return format_html_join(" ", "{}", ((pill(text, "ok"),) for text in texts)) or format_html(
        "{}", NOTHING
    )


def request_pills(requests: Iterable[ReleaseRequest]) -> SafeString:
    """One for each open request, which leads to it; nothing without."""
    return format_html_join(
        " ",
        '<a href="{}">{}</a>',
        (
            (
                reverse("admin:prompts_releaserequest_change", args=[row.pk]),
                pill(f"{row.channel.slug}: {row.get_state_display().lower()}", "warn"),
            )
            for row in requests
        ),
    )


def who_released(release: Release) -> str:
    """Who asked or did it, and who agreed. Rows come from `releases_with_people`."""
    if release.kind == ReleaseKind.GUARDRAIL:
        return "system"
    who = str(release.actor or "console")
    asked = getattr(release, "request", None)  # a release without one has no such attribute
    agreed = [str(each.approver) for each in asked.approvals.all()] if asked else []
    return f"{who}, approved by {', '.join(agreed)}" if agreed else who


def version_link(version: PromptVersion, text: str) -> SafeString:
    url = reverse("admin:prompts_promptversion_change", args=[version.pk])
    return format_html('<a href="{}">{}</a>', url, text)


def compare_url(
    prompt_id: int, *, old: PromptVersion | None = None, new: PromptVersion | None = None
) -> str:
    """The compare page: from what is live, to the newest version, where a side is left out."""
    sides = {"a": old, "b": new}
    query = {name: row.number for name, row in sides.items() if row is not None}
    url = reverse("admin:prompt_compare", args=[prompt_id])
    return f"{url}?{urlencode(query)}" if query else url
