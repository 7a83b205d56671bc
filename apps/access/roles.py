"""Roles of people: groups with the permissions of this one table.

`sync_roles` makes the groups exactly so after every migration. Who needs something else makes a
group of their own: these belong to the platform.
"""

from collections.abc import Mapping

from django.contrib.auth.models import Group, Permission

ALL = ("view", "add", "change", "delete")
VIEW = ("view",)
EDIT = ("view", "add", "change")


def _on(actions: tuple[str, ...], app: str, *models: str) -> frozenset[str]:
    return frozenset(f"{app}.{action}_{model}" for model in models for action in actions)


_OWNERS = _on(VIEW, "access", "team", "costcenter", "tier", "service")
_CATALOGUE = _on(VIEW, "registry", "provider", "model", "deployment", "price") | _on(
    VIEW, "routing", "route", "routetarget"
)
_PROMPTS = _on(
    VIEW,
    "prompts",
    *("prompt", "promptversion", "channel", "freeze", "release", "experiment", "arm"),
    *("experimentphase", "releaserequest", "approval", "guardrail", "metric", "linecomment"),
) | _on(VIEW, "results", "score")
_BOOKS = _on(VIEW, "ledger", "attempt", "usage", "entry")
_ADJUSTMENTS = _on(VIEW, "ledger", "adjustment")
_MONTHS = _on(VIEW, "ledger", "period")
_STATEMENTS = _on(
    VIEW, "reconciliation", "statement", "statementline", "source", "itemname", "waiver"
)
_STATEMENTS_SETTLED = (
    _on(("add",), "reconciliation", "statement", "waiver")
    | _on(EDIT, "reconciliation", "source")
    | _on(ALL, "reconciliation", "itemname")
    | frozenset({"reconciliation.settle_difference", "reconciliation.approve_waiver"})
)
_BUDGETS = _on(
    VIEW, "budgets", "budget", "window", "hold", "holdwindow", "budgetraise", "thresholdcrossing"
)
_RAISES = _on(("add",), "budgets", "budgetraise") | frozenset({"budgets.approve_raise"})
_DECISIONS = frozenset(
    {
        "ledger.resolve_entry",
        "ledger.add_adjustment",
        "ledger.approve_adjustment",
        "ledger.close_period",
    }
)
_HEALTH = frozenset({"routing.operate_health"})
_JOBS = _on(VIEW, "jobs", "job", "batch", "providerbatch")
_WEBHOOKS = _on(VIEW, "jobs", "webhookendpoint", "delivery")
_PAYLOADS = _on(VIEW, "jobs", "jobpayload")
_KEYS = _on(VIEW, "access", "apikey")
_PROPOSALS = _on(VIEW, "registry", "priceproposal")
_PEOPLE = _on(VIEW, "auth", "user", "group")
_CACHE = _on(VIEW, "cache", "cacherule", "invalidation")
_CACHE_OPERATED = _on(ALL, "cache", "cacherule") | _on(("add",), "cache", "invalidation")
_EVALS = _on(
    VIEW,
    "evals",
    *("dataset", "datasetversion", "case", "suite", "assertion", "evalrun", "evalresult"),
    *("judgement", "review", "requirement"),
)
_EVALS_WRITTEN = (
    _on(EDIT, "evals", "dataset")
    | _on(ALL, "evals", "case", "suite", "assertion")
    | _on(("add", "change"), "evals", "datasetversion", "evalrun")
    | frozenset({"evals.decide_review"})
)
_PLAYGROUND = frozenset({"playground.run_playground", "playground.take_past_call"})
_ALERTS = frozenset({"results.acknowledge_alert"})
_HISTORY = _on(VIEW, "audit", "auditentry")
_COST_VIEWS = _on(VIEW, "finance", "savedview")
# A file says nothing that the pages don't; finance answers for those that others take away.
_EXPORTS = _on(("view", "add"), "exports", "export")
_ALL_EXPORTS = frozenset({"exports.see_all_exports"})
_RECOSTS = _on(VIEW, "repricing", "recost")
_RECOSTS_DECIDED = _on(("add",), "repricing", "recost") | frozenset({"repricing.approve_recost"})
# Who reads mail at such an address sees costs without a role.
_MAIL_ADDRESSES = _on(VIEW, "finance", "mailaddress")
_UNUSUAL_DAYS = frozenset({"finance.judge_unusual_day"})
_COST_VIEWS_KEPT = _on(ALL, "finance", "savedview")

ROLES: Mapping[str, frozenset[str]] = {
    "prompt-engineer": _OWNERS
    | _CACHE
    | _CACHE_OPERATED
    | _CATALOGUE
    | _BOOKS
    | _COST_VIEWS_KEPT
    | _EXPORTS
    | _JOBS
    | _PAYLOADS
    | _PROMPTS
    | _EVALS
    | _EVALS_WRITTEN
    | _on(EDIT, "prompts", "prompt", "experiment", "metric")
    | _on(ALL, "prompts", "promptversion", "arm", "guardrail")
    | _on(("add",), "prompts", "release", "releaserequest", "linecomment")
    | _ALERTS
    | _PLAYGROUND,
    "approver": _OWNERS
    | _CACHE
    | _CATALOGUE
    | _BOOKS
    | _COST_VIEWS_KEPT
    | _EXPORTS
    | _JOBS
    | _PAYLOADS
    | _PROMPTS
    | _EVALS
    | frozenset({"evals.decide_review"})
    | _on(ALL, "evals", "requirement")
    | _on(("add",), "prompts", "release", "linecomment")
    | _ALERTS
    | frozenset({"prompts.release_protected"}),
    "finance": _CATALOGUE
    | _CACHE
    | _OWNERS
    | _BOOKS
    | _COST_VIEWS_KEPT
    | _MAIL_ADDRESSES
    | _UNUSUAL_DAYS
    | _EXPORTS
    | _JOBS
    | _on(EDIT, "access", "costcenter")
    | _BUDGETS
    | _on(ALL, "budgets", "budget")
    | _RAISES
    | _ADJUSTMENTS
    | _MONTHS
    | _STATEMENTS
    | _STATEMENTS_SETTLED
    | _DECISIONS
    | _RECOSTS
    | _RECOSTS_DECIDED
    | _ALL_EXPORTS
    | _on(("add",), "registry", "price")
    | _PROPOSALS
    | frozenset({"registry.approve_price"}),
    "operator": _OWNERS
    | _CACHE
    | _CACHE_OPERATED
    | _BOOKS
    | _COST_VIEWS_KEPT
    | _EXPORTS
    | _BUDGETS
    | _JOBS
    | frozenset({"jobs.operate_job", "jobs.operate_webhook"})
    | _WEBHOOKS
    | _on(("change",), "jobs", "webhookendpoint")
    | _PROMPTS
    | _EVALS
    | _PROPOSALS
    | _KEYS
    | _on(("change",), "access", "apikey")
    | _CATALOGUE
    | _HEALTH
    | _ALERTS
    | _on(EDIT, "registry", "provider", "model", "deployment")
    | _on(ALL, "routing", "route", "routetarget"),
    "auditor": _OWNERS
    | _CACHE
    | _CATALOGUE
    | _PROMPTS
    | _EVALS
    | _BOOKS
    | _COST_VIEWS
    | _MAIL_ADDRESSES
    | _EXPORTS
    | _ADJUSTMENTS
    | _RECOSTS
    | _MONTHS
    | _STATEMENTS
    | _BUDGETS
    | _JOBS
    | _PAYLOADS
    | _WEBHOOKS
    | _KEYS
    | _PROPOSALS
    | _PEOPLE
    | _HISTORY,
    "service-developer": _OWNERS
    | _CACHE
    | _CACHE_OPERATED
    | _CATALOGUE
    | _PROMPTS
    | _EVALS
    | _BOOKS
    | _COST_VIEWS_KEPT
    | _EXPORTS
    | _BUDGETS
    | _JOBS
    | _PAYLOADS
    | frozenset({"jobs.operate_job", "jobs.operate_webhook"})
    | _WEBHOOKS
    | _on(ALL, "jobs", "webhookendpoint")
    | _on(EDIT, "access", "apikey"),
    "administrator": _on(ALL, "access", "team", "costcenter", "tier", "service")
    | _on(EDIT, "access", "apikey")
    | _on(ALL, "registry", "provider", "model", "deployment")
    | _on(EDIT, "registry", "price")
    | _PROPOSALS
    | _CACHE
    | _CACHE_OPERATED
    | frozenset({"registry.approve_price"})
    | _HEALTH
    | _on(ALL, "routing", "route", "routetarget")
    | _on(ALL, "prompts", "prompt", "promptversion", "channel", "experiment", "arm")
    | _on(ALL, "prompts", "guardrail", "metric")
    | _PROMPTS
    | _EVALS
    | _EVALS_WRITTEN
    | _on(ALL, "evals", "requirement")
    | _on(ALL, "prompts", "freeze")
    | _ALERTS
    | _PLAYGROUND
    | _on(("add",), "prompts", "release", "releaserequest", "linecomment")
    | frozenset({"prompts.release_protected"})
    | _BOOKS
    | _COST_VIEWS_KEPT
    | _on(ALL, "finance", "mailaddress")
    | _UNUSUAL_DAYS
    | _EXPORTS
    | _BUDGETS
    | _on(ALL, "budgets", "budget")
    | _RAISES
    | _ADJUSTMENTS
    | _MONTHS
    | _STATEMENTS
    | _STATEMENTS_SETTLED
    | _DECISIONS
    | _RECOSTS
    | _RECOSTS_DECIDED
    | _ALL_EXPORTS
    | _JOBS
    | _PAYLOADS
    | frozenset({"jobs.operate_job", "jobs.operate_webhook"})
    | _WEBHOOKS
    | _on(ALL, "jobs", "webhookendpoint")
    | _on(ALL, "auth", "user", "group")
    | _HISTORY,
}


def sync_roles() -> None:
    """Make the groups and give each exactly its permissions. Doing it again changes nothing."""
    known = {
        f"{row.content_type.app_label}.{row.codename}": row
        for row in Permission.objects.select_related("content_type")
    }
    for role, codenames in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        group.permissions.set([known[name] for name in codenames if name in known])
