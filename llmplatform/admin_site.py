"""The admin site: its navigation in one place, its command palette, its frame around each page."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin import AdminSite, autodiscover
from django.contrib.admin.apps import SimpleAdminConfig
from django.core.checks import CheckMessage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils import timezone

from apps.core.navigation import Entry, Group, sections
from apps.core.palette import search

NAVIGATION = (
    Group(
        "Operate",
        (
            Entry("Dashboard", "dashboard", url_name="admin:index", key="o"),
            Entry("Jobs", "jobs", model="jobs.job", key="j"),
            Entry("Queue", "tiers", url_name="admin:queue", permission="jobs.view_job"),
            Entry(
                "Dead letters", "audit", url_name="admin:dead_letters", permission="jobs.view_job"
            ),
            Entry("Batches", "versions", model="jobs.batch"),
            Entry("Provider batches", "providers", model="jobs.providerbatch"),
            Entry("Webhooks", "releases", model="jobs.webhookendpoint"),
            Entry("Deliveries", "attempts", model="jobs.delivery"),
            Entry("Providers", "providers", model="registry.provider"),
            Entry("Models", "models", model="registry.model"),
            Entry("Deployments", "deployments", model="registry.deployment"),
            Entry(
                "Provider health",
                "attempts",
                url_name="admin:provider_health",
                permission="registry.view_deployment",
            ),
            Entry("Routes", "routes", model="routing.route"),
            Entry("Cache", "releases", model="cache.invalidation"),
            Entry("Cache rules", "tiers", model="cache.cacherule"),
        ),
    ),
    Group(
        "Prompts",
        (
            Entry("Prompts", "prompts", model="prompts.prompt", key="p"),
            Entry("Versions", "versions", model="prompts.promptversion"),
            Entry(
                "Playground",
                "prompts",
                url_name="admin:playground_start",
                permission="playground.run_playground",
            ),
            Entry("Channels", "channels", model="prompts.channel"),
            Entry("Release requests", "proposals", model="prompts.releaserequest"),
            Entry("Releases", "releases", model="prompts.release"),
            Entry("Experiments", "experiments", model="prompts.experiment"),
            Entry("Metrics", "tiers", model="prompts.metric"),
            Entry("Scores", "attempts", model="results.score"),
        ),
    ),
    Group(
        "Evaluation",
        (
            Entry("Datasets", "ledger", model="evals.dataset", key="d"),
            Entry("Suites", "proposals", model="evals.suite"),
            Entry("Runs", "attempts", model="evals.evalrun", key="r"),
            Entry("Reviews", "users", model="evals.review"),
            Entry("Release requirements", "releases", model="evals.requirement"),
        ),
    ),
    Group(
        "Finance",
        (
            Entry(
                "Cost report",
                "costs",
                url_name="admin:costs",
                permission="ledger.view_entry",
                key="c",
            ),
            Entry("Saved views", "costs", model="finance.savedview"),
            Entry("Addresses for mail", "users", model="finance.mailaddress"),
            Entry("Exports", "ledger", model="exports.export"),
            Entry(
                "Statements",
                "ledger",
                url_name="admin:cost_statements",
                permission="ledger.view_entry",
            ),
            Entry("Usage report", "costs", url_name="admin:usage", permission="ledger.view_entry"),
            Entry(
                "Savings", "costs", url_name="admin:costs_savings", permission="ledger.view_entry"
            ),
            Entry("Waste", "costs", url_name="admin:waste", permission="ledger.view_entry"),
            Entry("Budgets", "budgets", model="budgets.budget", key="b"),
            Entry("Price list", "prices", model="registry.price"),
            Entry("Price proposals", "proposals", model="registry.priceproposal"),
            Entry(
                "Price what-if",
                "prices",
                url_name="admin:price_what_if",
                permission="ledger.view_entry",
            ),
            Entry("Recosts", "proposals", model="repricing.recost"),
            Entry("Usage ledger", "ledger", model="ledger.entry", key="l"),
            Entry("Quarantine", "proposals", model="ledger.waitingentry"),
            Entry("Adjustments", "ledger", model="ledger.adjustment"),
            Entry("Reconciliation", "proposals", model="reconciliation.statement"),
            Entry("Statement formats", "tiers", model="reconciliation.source"),
            Entry("Waived statements", "proposals", model="reconciliation.waiver"),
            Entry("Month close", "releases", model="ledger.period"),
            Entry("Attempts", "attempts", model="ledger.attempt"),
        ),
    ),
    Group(
        "Access",
        (
            Entry("Teams", "teams", model="access.team"),
            Entry("Cost centres", "centres", model="access.costcenter"),
            Entry("Services", "services", model="access.service", key="s"),
            Entry("API keys", "keys", model="access.apikey"),
            Entry("Tiers", "tiers", model="access.tier"),
            Entry("Users", "users", model=settings.AUTH_USER_MODEL),
            Entry("Groups", "groups", model="auth.group"),
            Entry("Audit log", "audit", model="audit.auditentry"),
        ),
    ),
)

# Anything that is neither production nor staging looks like a place for trying things.
ENVIRONMENT_KINDS = {"prod": "bad", "production": "bad", "staging": "warn"}


class PlatformAdminSite(AdminSite):
    site_header = site_title = "LLM platform"
    index_title = "Dashboard"
    site_url = None
    index_template = "dashboard/home.html"
    enable_nav_sidebar = False  # base_site.html draws its own, from NAVIGATION

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        name = settings.ENVIRONMENT_NAME
        return super().each_context(request) | {
            "navigation": sections(site=self, request=request, groups=NAVIGATION),
            "environment_name": name,
            "environment_kind": ENVIRONMENT_KINDS.get(name.lower(), "quiet"),
        }

    def check(self, app_configs: Sequence[AppConfig] | None) -> list[CheckMessage]:
        """Every page's class, whether or not an address was asked for before."""
        autodiscover()
        return super().check(app_configs)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # Their models load after the app registry.
        from apps.dashboard.urls import admin_urls
        from apps.exports.urls import admin_urls as exports_urls
        from apps.finance.urls import admin_urls as finance_urls
        from apps.playground.urls import admin_urls as playground_urls
        from apps.repricing.urls import admin_urls as repricing_urls

        palette = path("palette/", self.admin_view(self.palette), name="palette")
        own = [*admin_urls(self), *finance_urls(self), *exports_urls(self)]
        own += [*playground_urls(self), *repricing_urls(self)]
        return [palette, *own, *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        from apps.dashboard.home import home_context

        context = home_context(request=request, now=timezone.now())
        return super().index(request, context | (extra_context or {}))

    def palette(self, request: HttpRequest) -> HttpResponse:
        """Rows of the command palette for `?q=`, as JSON."""
        pages = sections(site=self, request=request, groups=NAVIGATION)
        rows = search(site=self, request=request, pages=pages, query=request.GET.get("q", ""))
        return JsonResponse({"rows": [vars(row) for row in rows]})


class PlatformAdminConfig(SimpleAdminConfig):
    """Pages are loaded with the addresses (`llmplatform.urls`): only `web` has any, and they are a
    third of what a process would load at its start."""

    default_site = "llmplatform.admin_site.PlatformAdminSite"
