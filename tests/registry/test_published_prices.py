"""Our prices beside those that genai-prices really carries, where finance sees them."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from apps.registry.models import PriceProposal
from apps.registry.services import set_price
from tests.factories import make_deployment, make_price, make_provider

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:registry_price_drift")


@pytest.fixture
def mini():
    """Its input costs a third more than is published, its output as much."""
    openai = make_provider("https://api.openai.com/v1", slug="openai", vendor="openai")
    mini = make_deployment(slug="mini", provider=openai, upstream_name="gpt-4o-mini")
    make_price(mini, "in_uncached", 200_000)
    make_price(mini, "out_text", 600_000 * 1000, per_block=1000)
    return mini


def signed_in(client, role):
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return client


def test_what_differs_is_shown_and_what_agrees_is_counted(client, mini):
    make_deployment(slug="own")
    page = signed_in(client, "auditor").get(PAGE)
    rows = {row["meter"]: row["change"] for row in page.context["rows"]}
    assert rows == {"Input": "-25.0 %", "Input, cached": "new", "Output, reasoning": "new"}
    assert page.context["agreeing"] == 1
    assert [one.deployment for one in page.context["skipped"]] == ["own"]
    assert "Propose these" not in page.content.decode()
    assert client.post(PAGE).status_code == 403


def test_finance_proposes_what_differs(client, mini):
    answer = signed_in(client, "finance").post(PAGE)
    assert answer.url == reverse("admin:registry_priceproposal_changelist")
    assert PriceProposal.objects.filter(status="open").count() == 4
    assert mini.prices.count() == 2


def test_others_are_sent_away(client, mini):
    assert signed_in(client, "prompt-engineer").get(PAGE).status_code == 403


def test_the_price_list_says_what_a_price_changed_by(client, mini):
    later = timezone.now() + timedelta(days=1)
    set_price(deployment=mini, usage_class="in_uncached", price_pico=150_000, source="x", now=later)
    page = signed_in(client, "finance").get(reverse("admin:registry_price_changelist"))
    changes = {row.price_pico: row for row in page.context["cl"].result_list}
    model_admin = page.context["cl"].model_admin
    assert model_admin.change(changes[150_000]) == "-25.0 %"
    assert model_admin.change(changes[200_000]) == "–"
