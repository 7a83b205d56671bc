from django.urls import path

from apps.finance.api.views import CostsView

urlpatterns = [path("costs/", CostsView.as_view(), name="costs")]
