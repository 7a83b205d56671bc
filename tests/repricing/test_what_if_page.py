"""What people see before a price is approved, and how they ask for a recost."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from apps.core.money import exact_usd
from apps.ledger.models import Entry
from apps.registry.models import PriceProposal
from apps.registry.services import propose_prices
from apps.registry.types import ProposedPrice
from apps.repricing.booking import book_all
from apps.repricing.models import Recost
from tests.factories import make_deployment
from tests.ledger.conftest import SHOP
from tests.repricing.conftest import END, called

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:price_what_if")
MAY = "from=2026-05-01&to=2026-05-31"
TYPED = f"price={SHOP.deployment}:in_uncached:default:0:0.000006"


@pytest.fixture
def calls(deployment):
    """640 pico-dollars each."""
    for _ in range(2):
        called({"in_uncached": 100, "out_text": 20})


@pytest.fixture
def proposal(deployment):
    row = ProposedPrice(SHOP.deployment, "out_text", 9, 1, "list 7")
    propose_prices(rows=[row], now=END)
    return PriceProposal.objects.get()


def person(client, role, name=""):
    user = User.objects.create_user(name or role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    return client


@pytest.fixture
def finance(client):
    return person(client, "finance")


def faults(response):
    return response.context["question"].faults


def test_a_proposal_is_seen_before_it_is_approved(finance, calls, proposal):
    page = finance.get(f"{PAGE}?{MAY}&proposal={proposal.pk}")
    found = page.context["found"]
    assert (found.before_pico, found.after_pico, found.entries) == (1280, 1360, 2)
    text = page.content.decode()
    assert "$0.00000000136" in text
    assert "+6.2 %" in text
    assert PriceProposal.objects.get().status == "open"
    assert Entry.objects.count() == 2


def test_proposals_lead_there(finance, calls, proposal):
    url = reverse("admin:registry_priceproposal_action", args=[proposal.pk, "what_if"])
    assert finance.get(url).url == f"{PAGE}?proposal={proposal.pk}"
    chosen = {"action": "what_if", "_selected_action": [proposal.pk]}
    answer = finance.post(reverse("admin:registry_priceproposal_changelist"), chosen)
    assert answer.url == f"{PAGE}?proposal={proposal.pk}"


def test_a_price_of_the_list_and_one_that_is_being_written_lead_there(finance, deployment, calls):
    row = deployment.prices.get(usage_class="in_uncached")
    url = reverse("admin:registry_price_action", args=[row.pk, "what_if"])
    assert finance.get(url).url == f"{PAGE}?row={row.pk}"
    values = {"deployment": deployment.pk, "usage_class": "out_text", "usd_per_million": "2.50"}
    values |= {"source": "x", "_what_if": "1"}
    answer = finance.post(reverse("admin:registry_price_add"), values)
    asked = dict(parse_qsl(urlsplit(answer.url).query))
    assert asked == {"price": f"{SHOP.deployment}:out_text:default:0:2.5"}
    assert deployment.prices.count() == 2
    page = finance.get(f"{answer.url}&{MAY}")
    assert page.context["found"].after_pico == 2 * (100 * 5 + 20 * 2_500_000)


def test_the_form_adds_a_price_and_keeps_those_that_are_there(finance, calls):
    fields = f"deployment={SHOP.deployment}&usage_class=out_text&usd=0.000008"
    page = finance.get(f"{PAGE}?{MAY}&{TYPED}&{fields}&service_tier=&min_input_tokens=")
    assert faults(page) == []
    assert len(page.context["question"].rates) == 2
    assert page.context["found"].after_pico == 2 * (600 + 160)
    (_, address), _ = page.context["rates"]  # without the first
    assert finance.get(f"{PAGE}?{address}").context["found"].after_pico == 2 * (500 + 160)


def test_without_days_it_is_last_month(finance, calls):
    assert finance.get(f"{PAGE}?{TYPED}").context["question"].range == "last-month"


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("proposal=99", "There is no proposal “99”."),
        ("row=x", "There is no row “x”."),
        ("price=a:b", "Write deployment:class:tier:from tokens:USD a million."),
        ("price=nowhere:out_text:default:0:1", "There is no such deployment."),
        (f"price={SHOP.deployment}:words:default:0:1", "Choose a usage class"),
        (f"price={SHOP.deployment}:out_text:Default:0:1", "A tier is one word of small letters"),
        (f"price={SHOP.deployment}:out_text:default:-1:1", "is a whole number"),
        (f"price={SHOP.deployment}:out_text:default:0:-1", "A price is not negative."),
        (f"price={SHOP.deployment}:out_text:default:0:0.0000001", "six decimals at most"),
        (f"price={SHOP.deployment}:out_text:default:0:1e99", "is not an amount"),
        (f"{TYPED}&price={SHOP.deployment}:in_uncached:default:0:7", "two prices are given"),
        ("from=soon", "is no date"),
        ("colour=red", "Unknown parameter: “colour”."),
    ],
)
def test_what_is_wrong_is_told(finance, calls, query, fault):
    page = finance.get(f"{PAGE}?{query}")
    assert page.status_code == 400
    assert any(fault in text for text in faults(page)), faults(page)


def test_who_may_look_and_who_may_ask(client, calls, proposal):
    stranger = User.objects.create_user("nobody", is_staff=True)
    client.force_login(stranger)
    assert client.get(PAGE).status_code == 403
    person(client, "prompt-engineer")
    page = client.get(f"{PAGE}?{MAY}&{TYPED}")
    assert page.status_code == 200
    assert "Ask for a recost" not in page.content.decode()
    assert client.get(f"{PAGE}?proposal={proposal.pk}").status_code == 400
    question = {"question": f"{MAY}&{TYPED}", "reason": "x", "seen": "200"}
    assert client.post(PAGE, question).status_code == 403


def test_a_recost_is_asked_for_approved_and_booked_by_two(client, calls):
    person(client, "finance", "asks")
    page = client.get(f"{PAGE}?{MAY}&{TYPED}")
    seen = page.context["whole"].difference
    assert seen == 200
    question = {"question": page.context["question"].address, "seen": str(seen)}
    refused = client.post(PAGE, question | {"reason": " "})
    assert faults(refused) == ["Give a reason, of at most 400 characters."]
    stale = client.post(PAGE, question | {"reason": "contract 7", "seen": "199"})
    assert "have changed since" in faults(stale)[0]
    unseen = client.post(PAGE, question | {"reason": "contract 7", "seen": "--200"})
    assert faults(unseen) == ["Look at it first."]
    assert not Recost.objects.exists()

    answer = client.post(PAGE, question | {"reason": "contract\0 7"})
    recost = Recost.objects.get()
    url = reverse("admin:repricing_recost_change", args=[recost.pk])
    assert answer.url == url
    action = reverse("admin:repricing_recost_action", args=[recost.pk, "approve"])
    said = {"reason": "seen", "confirmed": "1"}
    assert "somebody else" in client.post(action, said, follow=True).content.decode()

    person(client, "finance", "approves")
    assert "contract 7" in client.get(url).content.decode()
    client.post(action, said)
    assert book_all() == 2
    page = client.get(url).content.decode()
    assert exact_usd(200).rstrip("0") in page
    assert "Approve" not in page
    listed = client.get(reverse("admin:repricing_recost_changelist")).content.decode()
    assert "2026-05-01 to 2026-05-31" in listed


def test_days_that_are_not_over_can_be_looked_at_only(finance, deployment):
    page = finance.get(f"{PAGE}?range=month&{TYPED}")
    assert "Ask for a recost" not in page.content.decode()
    asked = finance.post(PAGE, {"question": f"range=month&{TYPED}", "reason": "x", "seen": "0"})
    assert faults(asked) == ["Choose days that are over."]


def test_few_queries_whatever_is_asked(finance, calls, proposal, django_assert_max_num_queries):
    for number in range(5):
        make_deployment(slug=f"other-{number}")
    with django_assert_max_num_queries(25):
        finance.get(f"{PAGE}?{MAY}&{TYPED}&proposal={proposal.pk}")
