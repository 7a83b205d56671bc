from rest_framework.routers import SimpleRouter

from apps.registry.api.views import ModelCatalogueViewSet

router = SimpleRouter()
router.register("models", ModelCatalogueViewSet, basename="model")

urlpatterns = router.urls
