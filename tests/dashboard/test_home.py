"""The home page: figures against the period before, in the order of the role, in few queries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from apps.budgets.models import Budget, Window
from apps.dashboard.home import about
from apps.finance.figures import axis_usd, delta, split_usd
from apps.jobs.models import Job
from apps.ledger.models import Attempt, Entry
from tests.factories import make_service

USD = 10**12
CALL = {"team": "t", "cost_center": "c", "provider": "p", "model": "m", "deployment": "d"}


def person(name: str, *permissions: str) -> User:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def booked(service: str, days_ago: int, amount: int, **values: Any) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    values = CALL | {"kind": "charge", "request_id": "r"} | values
    Entry.objects.create(service=service, at=at, amount_pico=amount, **values)


def tried(days_ago: int, status: str, seconds: int = 1) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    ended = at + timedelta(seconds=seconds)
    Attempt.objects.create(
        service="shop", started_at=at, ended_at=ended, status=status, number=1, **CALL
    )


def failed_job(code: str) -> Job:
    now = timezone.now()
    job: Job = Job.objects.create(
        service=make_service(),
        fingerprint="0" * 64,
        request_id="r",
        model="m",
        status="failed",
        next_run_at=now,
        deadline=now,
        created_at=now,
        finished_at=now,
        error_code=code,
    )
    return job


def budget(slug: str, *, spent: int, held: int = 0, limit: int = 100, **window: Any) -> None:
    made = Budget.objects.create(slug=slug, name=slug, limit_pico=limit * USD)
    now = timezone.now()
    Window.objects.create(
        budget=made,
        limit_pico=made.limit_pico,
        posted_pico=spent * USD,
        held_pico=held * USD,
        hard=True,
        **{"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=1)} | window,
    )


def home(client: Client, user: User) -> str:
    client.force_login(user)
    return client.get("/admin/").content.decode()


def test_figures_compare_thirty_days_with_the_thirty_before(client: Client, db: None) -> None:
    booked("shop", 1, 3 * USD)
    booked("shop", 2, 0, kind="cache_hit", avoided_pico=USD)
    booked("shop", 40, 2 * USD)
    tried(1, "succeeded", 2)
    tried(1, "failed")
    tried(40, "succeeded")

    client.force_login(person("fin", "view_entry"))
    figures = client.get("/admin/").context["figures"]

    shown = {figure.label: (figure.value, figure.delta.text) for figure in figures}
    assert shown == {
        "Spend": ("$3.00", "▲ 50.0%"),
        "Calls": ("2", "▲ 100.0%"),
        "Error rate": ("50.0%", "–"),
        "Cache hits": ("50.0%", "–"),
        "Cache saved": ("$1.00", "–"),
        "p95 latency": ("≈ 2.0 s", "▲ 100.0%"),
    }


def test_an_unused_platform_says_what_to_do_first(client: Client, db: None) -> None:
    page = home(client, person("fin", "view_entry"))
    assert "No call has been made yet." in page
    assert "l-figure" not in page


def test_budgets_stand_in_the_order_of_what_is_left(client: Client, db: None) -> None:
    budget("half", spent=30, held=20)
    budget("over", spent=101)
    budget("nearly", spent=90)
    budget("ended", spent=99, ends_at=timezone.now() - timedelta(hours=1))
    client.force_login(person("fin", "view_budget"))
    shown = client.get("/admin/").context["budgets"]
    assert [(use.slug, use.share) for use in shown] == [
        ("over", pytest.approx(1.01)),
        ("nearly", pytest.approx(0.9)),
        ("half", pytest.approx(0.5)),
    ]


def test_a_budget_of_zero_is_full(client: Client, db: None) -> None:
    budget("closed", spent=0, limit=0)
    client.force_login(person("fin", "view_budget"))
    assert [use.share for use in client.get("/admin/").context["budgets"]] == [1.0]


def test_nobody_sees_what_is_not_theirs(client: Client, db: None) -> None:
    booked("secret-service", 1, USD)
    budget("secret-budget", spent=1)
    failed_job("secret_error")
    page = home(client, person("bob"))
    assert "secret" not in page
    page = home(client, person("operator", "view_job"))
    assert "secret_error" in page
    assert "secret-service" not in page
    assert "secret-budget" not in page


def test_finance_sees_budgets_first_and_others_spend_first(client: Client, db: None) -> None:
    booked("shop", 1, USD)
    finance = home(client, person("fin", "view_entry", "view_budget", "change_budget"))
    auditor = home(client, person("aud", "view_entry", "view_budget"))
    budgets, chart = "Budgets nearest their limit", "Spend by day and service"
    assert finance.index(budgets) < finance.index(chart)
    assert auditor.index(chart) < auditor.index(budgets)


def test_ten_queries_are_enough(
    client: Client, db: None, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for n in range(12):
        booked(f"s{n}", n, USD)
        budget(f"b{n}", spent=n)
        failed_job("x")
    client.force_login(person("aud", "view_entry", "view_budget", "view_job"))
    with django_assert_max_num_queries(10):
        client.get("/admin/")


@pytest.mark.parametrize(
    ("now", "before", "more_is", "text", "judgement"),
    [
        (3, 2, "worse", "▲ 50.0%", "worse"),
        (1, 2, "worse", "▼ 50.0%", "better"),
        (3, 2, "", "▲ 50.0%", ""),
        (2, 2, "worse", "± 0.0 %", ""),
        (2, 0, "worse", "–", ""),
        (None, 2, "worse", "–", ""),
    ],
)
def test_a_change_says_whether_it_is_good(
    now: int | None, before: int, more_is: str, text: str, judgement: str
) -> None:
    found = delta(now, before, more_is=more_is)
    assert (found.text, found.judgement) == (text, judgement)


def test_amounts_keep_every_digit() -> None:
    assert split_usd(1_234_567 * USD + 890_000_000_001) == ("1,234,567.89", "0000000001")
    assert split_usd(-1) == ("-0.00", "0000000001")


@pytest.mark.parametrize(
    ("pico", "text"),
    [
        (0, "$0"),
        (40 * USD, "$40"),
        (USD * 3 // 2, "$1.50"),
        (USD // 400, "$0.0025"),
        (1, "$0.000000000001"),
    ],
)
def test_an_axis_is_short(pico: int, text: str) -> None:
    assert axis_usd(pico) == text


def test_durations_read_well() -> None:
    assert about(None) == "–"
    assert about(timedelta(milliseconds=812)) == "≈ 810 ms"
    assert about(timedelta(seconds=0.996)) == "≈ 1.0 s"
    assert about(timedelta(seconds=9.96)) == "≈ 10 s"
    assert about(timedelta(seconds=123)) == "≈ 120 s"
