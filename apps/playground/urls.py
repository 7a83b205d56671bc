"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.playground.admin import compare, drafts, pages, runs, start


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
        path("playground/", site.admin_view(start.page), name="playground_start"),
        path("prompts/prompt/<int:pk>/playground/", site.admin_view(pages.page), name="playground"),
        path(
            "prompts/prompt/<int:pk>/playground/cost/",
            site.admin_view(pages.cost),
            name="playground_cost",
        ),
        path("playground/runs/<uuid:pk>/", site.admin_view(runs.page), name="playground_run"),
        path(
            "playground/runs/<uuid:pk>/columns/",
            site.admin_view(runs.columns),
            name="playground_columns",
        ),
        path("playground/runs/<uuid:pk>/stop/", site.admin_view(runs.stop), name="playground_stop"),
        path(
            "playground/trials/<int:pk>/case/", site.admin_view(runs.keep), name="playground_keep"
        ),
    ]
