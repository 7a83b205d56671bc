from django.urls import path
from django_prometheus.exports import ExportToDjangoView

from apps.core import health

urlpatterns = [
    path("health/live", health.live),
    path("health/startup", health.live),
    path("health/ready", health.ready),
    path("metrics", ExportToDjangoView, name="metrics"),
]
