"""Addresses of the REST API, version 1."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from llmplatform.api_errors import ErrorsView

urlpatterns = [
    path("", include("apps.budgets.api.urls")),
    path("", include("apps.cache.api.urls")),
    path("", include("apps.exports.api.urls")),
    path("", include("apps.finance.api.urls")),
    path("", include("apps.gateway.api.urls")),
    path("", include("apps.jobs.api.urls")),
    path("", include("apps.ledger.api.urls")),
    path("", include("apps.prompts.api.urls")),
    path("", include("apps.registry.api.urls")),
    path("", include("apps.results.api.urls")),
    path("manage/", include("llmplatform.manage_urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/errors/", ErrorsView.as_view(), name="errors"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]
