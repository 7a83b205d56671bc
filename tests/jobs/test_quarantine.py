"""A call that had no price costs what it should once finance adds the price, everywhere."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from apps.budgets.models import Window
from apps.jobs.models import Job
from apps.jobs.services.repricing import price_again
from apps.ledger.models import Entry
from apps.ledger.services import close_attempts
from apps.registry.models import UsageClass
from tests.budgets.conftest import held, make_budget
from tests.factories import make_price, make_priced_deployment
from tests.ledger.conftest import NOW, PRICES, SHOP, end_of, opened, usage

pytestmark = pytest.mark.django_db
__all__ = ["opened"]
LIST = reverse("admin:ledger_entry_changelist")


@pytest.fixture
def unpriced(opened, make_job):
    """10 tokens of audio and 1 of text, of a job, under a budget; audio has no price."""
    make_budget(limit_pico=10**9)
    job = make_job(status="succeeded")
    start = opened(id=held(100_000), job_id=job.pk)
    counts = {"in_audio": 10, "out_text": 1}
    close_attempts(ends=[end_of(start, usage=usage(counts), prices=PRICES)], now=NOW)
    return Entry.objects.get()


@pytest.fixture
def deployment(db):
    return make_priced_deployment(slug=SHOP.deployment, input_pico=5, output_pico=7)


def test_ledger_budget_and_job_get_the_new_total(unpriced, deployment):
    make_price(deployment, UsageClass.IN_AUDIO, 1000)

    result = price_again(entry_ids=[unpriced.pk], reason="price list", actor="fin")

    assert (result.priced, result.missing) == (1, ())
    assert list(Entry.objects.order_by("id").values_list("kind", "amount_pico", "actor")) == [
        ("unpriced", 0, ""),
        ("reversal", 0, "fin"),
        ("correction", 10_007, "fin"),
    ]
    assert Window.objects.get().posted_pico == 10_007
    assert Job.objects.get().cost_pico == 10_007
    assert sum(Entry.objects.values_list("input_tokens", flat=True)) == 10


def test_again_changes_nothing(unpriced, deployment):
    make_price(deployment, UsageClass.IN_AUDIO, 1000)
    for expected in (1, 0):
        assert price_again(entry_ids=[unpriced.pk], reason="", actor="").priced == expected

    assert Entry.objects.count() == 3


def test_without_its_price_it_stays(unpriced, deployment):
    make_price(deployment, UsageClass.IN_AUDIO, 1000, valid=(NOW + timedelta(seconds=1), None))

    result = price_again(entry_ids=[unpriced.pk], reason="", actor="")

    assert (result.priced, len(result.missing)) == (0, 1)
    assert "No price for in_audio." in result.missing[0]
    assert Entry.objects.count() == 1


def test_finance_does_it_on_the_page_and_others_cannot(client, unpriced, deployment):
    make_price(deployment, UsageClass.IN_AUDIO, 1000)
    url = reverse("admin:ledger_entry_action", args=[unpriced.pk, "price_again"])
    for role, status in (("operator", 403), ("finance", 302)):
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        page = client.get(reverse("admin:ledger_entry_change", args=[unpriced.pk]))
        assert (url in page.content.decode()) == (role == "finance")
        answer = client.post(url, {"confirmed": "yes", "reason": "price list"})
        assert answer.status_code == status

    correction = Entry.objects.get(kind="correction")
    assert (correction.actor, correction.reason) == ("finance", "price list")
    page = client.get(reverse("admin:ledger_entry_change", args=[correction.pk]))
    assert "price_again" not in page.content.decode()
