"""Addresses of the management API: configuration by scripts of staff users."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.access.api import manage as access
from apps.budgets.api import manage as budgets
from apps.core.manage_api import ManageViewSet
from apps.finance.api.views import ManageCostsView
from apps.ledger.api.views import ManageUsageReportView, ManageUsageView
from apps.prompts.api import comments
from apps.prompts.api import manage as prompts
from apps.prompts.api import requests as releases
from apps.registry.api import manage as registry
from apps.results.api.metrics import PromptMetricsView
from apps.routing.api import manage as routing

router = SimpleRouter()
VIEWSETS: dict[str, type[ManageViewSet]] = {
    "teams": access.TeamViewSet,
    "cost-centers": access.CostCenterViewSet,
    "tiers": access.TierViewSet,
    "services": access.ServiceViewSet,
    "keys": access.KeyViewSet,
    "providers": registry.ProviderViewSet,
    "models": registry.ModelViewSet,
    "deployments": registry.DeploymentViewSet,
    "prices": registry.PriceViewSet,
    "routes": routing.RouteViewSet,
    "prompts": prompts.ManagePromptViewSet,
    "release-requests": releases.AllReleaseRequestsViewSet,
    "budgets": budgets.BudgetViewSet,
}
for prefix, viewset in VIEWSETS.items():
    router.register(prefix, viewset, basename=f"manage-{prefix}")
router.register(
    "prompts/(?P<slug>[-a-zA-Z0-9_]+)/requests",
    releases.ReleaseRequestViewSet,
    basename="manage-prompt-requests",
)
router.register(
    "prompts/(?P<slug>[-a-zA-Z0-9_]+)/versions/(?P<number>[0-9]{1,18})/comments",
    comments.CommentViewSet,
    basename="manage-prompt-comments",
)

urlpatterns = [
    path("prompts/<slug:slug>/metrics/", PromptMetricsView.as_view(), name="manage-prompt-metrics"),
    *router.urls,
    path("costs/", ManageCostsView.as_view(), name="manage-costs"),
    path("usage/", ManageUsageView.as_view(), name="manage-usage"),
    path("usage/report", ManageUsageReportView.as_view(), name="manage-usage-report"),
]
