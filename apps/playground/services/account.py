"""Who pays for the playground: a service of its own, under a hard budget of its own."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from apps.access.models import CostCenter, Service, ServicePurpose, Team, Tier
from apps.access.snapshot import caller_of
from apps.access.types import Caller
from apps.budgets.models import Budget
from apps.core.money import PICO
from apps.playground.errors import refused

SLUG, NAME = "playground", "Playground"
LIMIT_PICO = 25 * PICO  # a month, until finance says otherwise
KNOWN_AFTER = timedelta(seconds=2)
"""By then every process has read a new budget: configuration is in force within one second."""


@transaction.atomic
def open_account() -> Service:
    """The service that pays, made with its budget when there is none yet. A budget that somebody
    removed or switched off stays so."""
    if (found := _services().first()) is not None:
        return found
    tier = {"name": NAME, "requests_per_second": 5, "burst": 20}
    Service.objects.get_or_create(
        slug=SLUG,
        defaults={
            "name": NAME,
            "purpose": ServicePurpose.PLAYGROUND,
            "team": Team.objects.get_or_create(slug=SLUG, defaults={"name": NAME})[0],
            "cost_center": CostCenter.objects.get_or_create(slug=SLUG, defaults={"name": NAME})[0],
            "tier": Tier.objects.get_or_create(slug=SLUG, defaults=tier)[0],
        },
    )
    Budget.objects.get_or_create(
        slug=SLUG,
        defaults={"name": "Playground, monthly", "service": SLUG, "limit_pico": LIMIT_PICO},
    )
    return _services().get()


def payer(*, now: datetime) -> Caller:
    """Raises `PlaygroundError` while it may not pay: no hard budget holds it, or one that not every
    process knows yet."""
    service = open_account()
    if service.purpose != ServicePurpose.PLAYGROUND or not service.active:
        text = f"Service “{SLUG}” is not switched on with the purpose Playground."
        raise refused(f"{text} An administrator can change that.", code="no_account")
    budget = budget_of_playground()
    if budget is None:
        text = "The playground has no hard budget that is switched on, so nothing is sent."
        raise refused(f"{text} Finance can switch one on.", code="no_budget")
    if now - budget.created_at < KNOWN_AFTER:
        text = "The playground was opened a moment ago. Run again in two seconds."
        raise refused(text, code="too_new")
    return caller_of(service)


def find_caller() -> Caller | None:
    """Who would pay; None before the account is opened."""
    service = _services().first()
    return caller_of(service) if service else None


def budget_of_playground() -> Budget | None:
    """The oldest hard budget that counts every call of the playground, and no call of others."""
    scope = dict.fromkeys(Budget.SCOPE_FIELDS, "") | {"service": SLUG}
    return Budget.objects.filter(active=True, hard=True, **scope).order_by("id").first()


def _services() -> QuerySet[Service]:
    rows = Service.objects.select_related("team", "cost_center", "tier")
    return rows.filter(slug=SLUG)
