"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.exports.admin import statement_pages


def admin_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path(
            "costs/statements/",
            site.admin_view(statement_pages.statements_list),
            name="cost_statements",
        ),
        path(
            "costs/statements/one/",
            site.admin_view(statement_pages.statement_of),
            name="cost_statement",
        ),
        path(
            "costs/statements/one.csv",
            site.admin_view(statement_pages.statement_file),
            {"form": "csv"},
            name="cost_statement_csv",
        ),
        path(
            "costs/statements/one.xlsx",
            site.admin_view(statement_pages.statement_file),
            {"form": "xlsx"},
            name="cost_statement_xlsx",
        ),
    ]
