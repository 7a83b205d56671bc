"""Addresses of the jobs API."""

from rest_framework.routers import SimpleRouter

from apps.jobs.api.batches import BatchViewSet
from apps.jobs.api.views import JobViewSet
from apps.jobs.api.webhooks import WebhookViewSet

router = SimpleRouter(use_regex_path=False)
router.register("jobs", JobViewSet, basename="job")
router.register("batches", BatchViewSet, basename="batch")
router.register("webhooks", WebhookViewSet, basename="webhook")
urlpatterns = router.urls
