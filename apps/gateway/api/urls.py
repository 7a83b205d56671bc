from django.urls import path

from apps.gateway.api.views import QuoteView

urlpatterns = [path("quote/", QuoteView.as_view(), name="quote")]
