from django.urls import path

from apps.cache.api.views import CacheView, InvalidateView

urlpatterns = [
    path("cache/", CacheView.as_view(), name="cache"),
    path("cache/invalidate/", InvalidateView.as_view(), name="cache-invalidate"),
]
