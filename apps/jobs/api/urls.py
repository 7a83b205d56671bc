"""Addresses of the jobs API."""

from rest_framework.routers import SimpleRouter

from apps.jobs.api.views import JobViewSet

router = SimpleRouter(use_regex_path=False)
router.register("jobs", JobViewSet, basename="job")
urlpatterns = router.urls
