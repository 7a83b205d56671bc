"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.repricing.admin import what_if_page
from apps.repricing.admin.used import price_used


def admin_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path(
            "prices/what-if/",
            site.admin_view(what_if_page.price_what_if),
            name="price_what_if",
        ),
        path("prices/<int:pk>/used/", site.admin_view(price_used), name="price_used"),
    ]
