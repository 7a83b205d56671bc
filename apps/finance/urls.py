"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.finance.admin import (
    anomalies_page,
    judging_page,
    mail_page,
    pages,
    savings_page,
    views_admin,
    why_page,
)


def admin_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path("costs/", site.admin_view(pages.costs), name="costs"),
        path("costs/why/", site.admin_view(why_page.costs_why), name="costs_why"),
        path(
            "costs/anomalies/",
            site.admin_view(anomalies_page.costs_anomalies),
            name="costs_anomalies",
        ),
        path("costs/anomalies/judge/", site.admin_view(judging_page.judge), name="costs_judge"),
        path(
            "costs/anomalies/planned/<int:pk>/withdraw/",
            site.admin_view(judging_page.withdraw),
            name="costs_withdraw",
        ),
        path("costs/savings/", site.admin_view(savings_page.costs_savings), name="costs_savings"),
        path("costs/save/", site.admin_view(views_admin.save), name="costs_save"),
        *_mail_urls(site),
        path("costs.csv", site.admin_view(pages.costs_csv), name="costs_csv"),
    ]


def _mail_urls(site: AdminSite) -> list[URLPattern]:
    wrap, base = site.admin_view, "costs/views/<int:pk>/mail/"
    return [
        path(base, wrap(mail_page.view_mail), name="costs_view_mail"),
        path(f"{base}preview/", wrap(mail_page.view_mail_preview), name="costs_view_mail_preview"),
        path(f"{base}now/", wrap(mail_page.view_mail_now), name="costs_view_mail_now"),
        path(f"{base}stop/", wrap(mail_page.view_mail_stop), name="costs_view_mail_stop"),
        # for readers without an account, too: its token is the permission
        path("costs/mail/stop/<str:token>/", mail_page.mail_stop, name="costs_mail_stop"),
    ]
