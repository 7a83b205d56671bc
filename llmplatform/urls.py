"""Addresses of the `web` process. The gateway's `/v1/*` is served by `llmplatform.asgi`."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

admin.autodiscover()  # before the site says which pages it has
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("llmplatform.api_urls")),
    path("", include("apps.core.urls")),
]
handler403 = "llmplatform.forbidden.forbidden"
handler500 = "llmplatform.unavailable.server_error"
handler404 = "llmplatform.not_found.not_found"
