from django.urls import include, path
from rest_framework.routers import SimpleRouter

from apps.prompts.api.views import PromptViewSet

router = SimpleRouter()
router.register("prompts", PromptViewSet, basename="prompt")

urlpatterns = [path("", include(router.urls))]
