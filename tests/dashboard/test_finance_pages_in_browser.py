"""The pages on which finance decides, filled, empty and with faults, in a real browser."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from apps.core.ids import uuid7
from apps.ledger.adjusting import approve_adjustment, reject_adjustment, request_adjustment
from apps.ledger.models import Entry
from apps.ledger.services import close_attempts, open_attempts
from apps.ledger.types import AttemptStart, Dimensions
from tests.factories import make_priced_deployment, make_service
from tests.ledger.closing import APRIL, MARCH, closed, three_months
from tests.ledger.conftest import end_of, prices, usage
from tests.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
LIST = reverse("admin:ledger_waitingentry_changelist")
ADJUSTMENTS = reverse("admin:ledger_adjustment_changelist")
PRICES = prices(in_uncached=150_000, out_text=600_000)
SAID = {
    "prompt_tokens": 1024,
    "completion_tokens": 380,
    "total_tokens": 14_040,
    "completion_tokens_details": {"reasoning_tokens": 12_636},
}


@pytest.fixture
def finance(db: None) -> User:
    user = User.objects.create_user("fiona", is_staff=True)
    user.groups.add(Group.objects.get(name="finance"))
    return user


@pytest.fixture
def waiting(db: None) -> None:
    """One of each kind."""
    now = timezone.now()
    shop = make_service("shop")
    deployment = make_priced_deployment()
    dims = Dimensions(
        "shop",
        shop.team.slug,
        shop.cost_center.slug,
        deployment.provider.slug,
        deployment.model.slug,
        deployment.slug,
    )
    bound = usage({"in_uncached": 2048, "out_text": 4096}, source="bound")
    contested = usage(
        bound.counts,
        source="bound",
        raw={"contested": SAID},
        problem="total_tokens 14040 is not 1024 + 380",
    )
    ends = (
        {"usage": contested, "kind": "conflict"},
        {"usage": usage({"in_audio": 300, "out_text": 20})},
        {"usage": bound, "status": "unknown", "kind": "estimate"},
    )
    for number, end in enumerate(ends):
        start = AttemptStart(uuid7(), f"req_{number}", None, 1, "answer", dims)
        open_attempts(starts=[start], now=now)
        close_attempts(ends=[end_of(start, prices=PRICES, **end)], now=now)


@pytest.fixture
def adjustments(waiting: None, finance: User, admin_user: User) -> None:
    now, (entry, *_) = timezone.now(), Entry.objects.all()
    asked = [
        request_adjustment(
            kind=kind,
            day=now.date(),
            amount_pico=amount,
            provider=entry.provider,
            service=service,
            reference=f"invoice 4711, line {number}",
            reason="The invoice says so, after an outage of two hours on the fourth.",
            by=finance,
            now=now,
        )
        for number, (kind, amount, service) in enumerate(
            [
                ("credit", -125 * 10**11, "shop"),
                ("provider_adjustment", 3_141_592_653_589, ""),
                ("credit", -1, "shop"),
            ],
            start=1,
        )
    ]
    approve_adjustment(adjustment_id=asked[0].pk, by=admin_user, now=now, decision="Seen.")
    reject_adjustment(adjustment_id=asked[2].pk, by=admin_user, now=now, decision="Not ours.")


@pytest.fixture
def months() -> None:
    three_months()
    closed(MARCH)


def resolve_url() -> str:
    entry = Entry.objects.get(kind="conflict")
    return reverse("admin:ledger_entry_action", args=[entry.pk, "resolve"])


def walk(visitor: Visitor) -> list[str]:
    """Every page, and a form with a fault."""
    row = reverse("admin:ledger_entry_change", args=[Entry.objects.get(kind="conflict").pk])
    faults = visitor.unreadable([
        "/admin/",
        LIST,
        f"{LIST}?service=shop&why=nothing&model=none",
        row,
        resolve_url(),
        ADJUSTMENTS,
        reverse("admin:ledger_adjustment_add"),
        reverse("admin:ledger_period_changelist"),
        reverse("admin:ledger_period_change", args=[APRIL]),
        reverse("admin:ledger_period_change", args=[MARCH]),
    ])  # fmt: skip
    visitor.go(resolve_url())
    visitor.page.get_by_label("Book the counts that I type").check()
    visitor.page.get_by_role("textbox", name="Reason").fill("The invoice says so.")
    visitor.page.get_by_role("button", name="Book it").click()
    visitor.page.get_by_text("Type at least one count; 0 if the call used nothing.").wait_for()
    return faults + list(visitor.unreadable_here())


@pytest.mark.slow
@pytest.mark.usefixtures("months", "adjustments")
def test_they_can_be_read_by_everybody(visit: Callable[..., Visitor], finance: User) -> None:
    visitor = visit(user=finance)

    assert walk(visitor) == []
    assert visitor.problems == []


@pytest.mark.usefixtures("waiting")
def test_finance_resolves_a_call_with_the_mouse(
    visit: Callable[..., Visitor], finance: User
) -> None:
    visitor = visit(user=finance)
    page = visitor.page
    visitor.go(LIST)
    page.get_by_role("row", name="Conflicting usage").get_by_role("link").click()
    page.get_by_role("link", name="Resolve").click()
    page.get_by_label("Accept the provider's total of 1,024 tokens in and 13,016 out").check()
    page.get_by_role("textbox", name="Reason").fill("Agreed with the provider.")
    page.get_by_role("button", name="Book it").click()
    page.get_by_text("Booked at 0.007963200000 USD.").wait_for()

    assert Entry.objects.get(kind="correction").amount_pico == 7_963_200_000
    assert visitor.problems == []
