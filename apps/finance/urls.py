"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.finance.admin import anomalies_page, pages, views_admin, why_page


def admin_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path("costs/", site.admin_view(pages.costs), name="costs"),
        path("costs/why/", site.admin_view(why_page.costs_why), name="costs_why"),
        path(
            "costs/anomalies/",
            site.admin_view(anomalies_page.costs_anomalies),
            name="costs_anomalies",
        ),
        path("costs/save/", site.admin_view(views_admin.save), name="costs_save"),
        path("costs.csv", site.admin_view(pages.costs_csv), name="costs_csv"),
    ]
