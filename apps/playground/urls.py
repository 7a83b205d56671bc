"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.playground.admin import compare, drafts


def admin_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path(
            "prompts/prompt/<int:pk>/compare/",
            site.admin_view(compare.compare),
            name="prompt_compare",
        ),
        path(
            "playground/drafts/<int:pk>/preview/",
            site.admin_view(drafts.preview),
            name="draft_preview",
        ),
    ]
