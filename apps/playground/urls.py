"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.playground.admin import drafts


def admin_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path(
            "playground/drafts/<int:pk>/preview/",
            site.admin_view(drafts.preview),
            name="draft_preview",
        ),
    ]
