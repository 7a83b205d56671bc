"""Addresses inside the admin site; `llmplatform.admin_site` adds them, behind its own door."""

from django.contrib.admin import AdminSite
from django.urls import URLPattern, path

from apps.dashboard import dead_letters, health_orders, provider_health, queue, routes, views
from apps.results.admin import alerts, channel
from apps.results.admin import pages as results


def admin_urls(site: AdminSite) -> list[URLPattern]:
    return [
        path(
            "routes/<slug:slug>/explain/",
            site.admin_view(routes.explain_route),
            name="route_explain",
        ),
        path("health/", site.admin_view(provider_health.page), name="provider_health"),
        path(
            "health/<slug:slug>/<slug:order>/",
            site.admin_view(health_orders.page),
            name="health_order",
        ),
        path("dead-letters/", site.admin_view(dead_letters.page), name="dead_letters"),
        path(
            "dead-letters/retry/",
            site.admin_view(dead_letters.retry_page),
            name="dead_letters_retry",
        ),
        path(
            "experiments/<int:pk>/results/",
            site.admin_view(results.results),
            name="experiment_results",
        ),
        path(
            "prompts/prompt/<int:pk>/on/<slug:slug>/",
            site.admin_view(channel.channel_course),
            name="channel_course",
        ),
        path(
            "experiments/calculator/",
            site.admin_view(results.calculator),
            name="experiment_calculator",
        ),
        path("alerts/<slug:kind>/<int:pk>/seen/", site.admin_view(alerts.seen), name="alert_seen"),
        path("queue/", site.admin_view(queue.page), name="queue"),
        path("usage/", site.admin_view(views.usage), name="usage"),
        path("waste/", site.admin_view(views.waste), name="waste"),
        path("waste.csv", site.admin_view(views.waste_as_csv), name="waste_csv"),
    ]
