from django.urls import path

from apps.budgets.api.views import BudgetListView

urlpatterns = [path("budgets/", BudgetListView.as_view(), name="budgets")]
