"""The registry in the admin: the price list, proposals, draining."""

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone
from pghistory.models import Events

from apps.registry.models import Price, PriceProposal, Provider
from apps.registry.services import propose_prices, set_price
from apps.registry.types import ProposedPrice
from tests.factories import make_deployment, make_price, make_priced_deployment

pytestmark = pytest.mark.django_db


@pytest.fixture
def login(client):
    def as_role(role):
        user = User.objects.create_user(role, is_staff=True)
        user.groups.add(Group.objects.get(name=role))
        client.force_login(user)
        return client

    return as_role


def page(model, kind="changelist", *args):
    return reverse(f"admin:registry_{model}_{kind}", args=args)


def new_price(deployment, **values):
    return {
        "deployment": deployment.pk,
        "usage_class": "out_text",
        "usd_per_million": "0.60",
        "source": "contract 7",
    } | values


def test_finance_adds_a_price_for_a_million_tokens(login):
    deployment = make_deployment()

    response = login("finance").post(page("price", "add"), new_price(deployment))

    assert response.status_code == 302
    price = Price.objects.get()
    assert (price.price_pico, price.per_block, price.source) == (600_000, 1, "contract 7")
    assert price.valid.upper is None


def test_finance_adds_a_price_of_a_tier_and_step(login):
    deployment = make_deployment()
    make_price(deployment, "out_text", 1)
    values = new_price(deployment, service_tier="flex", min_input_tokens="200001")

    client = login("finance")
    assert client.post(page("price", "add"), values).status_code == 302

    old, new = Price.objects.order_by("pk")
    assert (new.service_tier, new.min_input_tokens, new.price_pico) == ("flex", 200_001, 600_000)
    assert old.valid.upper is None
    text = client.get(page("price"), {"service_tier": "flex"}).content.decode()
    assert "200,001" in text


def test_the_next_price_ends_the_one_before(login):
    deployment = make_deployment()
    make_price(deployment, "out_text", 1)

    login("finance").post(page("price", "add"), new_price(deployment))

    old, new = Price.objects.order_by("pk")
    assert old.valid.upper == new.valid.lower


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"usd_per_million": "0.0000001"}, "usd_per_million"),
        ({"usd_per_million": "-1"}, "usd_per_million"),
        ({"usd_per_million": "free"}, "usd_per_million"),
        ({"usd_per_million": ""}, "usd_per_million"),
        ({"begins_at_0": "2021-01-01", "begins_at_1": "00:00"}, "__all__"),
        ({"source": ""}, "source"),
        ({"usage_class": "x"}, "usage_class"),
        ({"service_tier": "on_demand"}, "service_tier"),
        ({"service_tier": "Two words"}, "service_tier"),
        ({"min_input_tokens": "-1"}, "min_input_tokens"),
    ],
)
def test_a_bad_price_is_shown_in_the_form(login, values, field):
    deployment = make_deployment()
    make_price(deployment, "out_text", 1)

    response = login("finance").post(page("price", "add"), new_price(deployment, **values))

    assert set(response.context["adminform"].form.errors) == {field}
    assert Price.objects.get().valid.upper is None


def test_prices_are_read_per_million_and_never_edited(login):
    deployment = make_priced_deployment(input_pico=150_000, output_pico=600_000)
    client = login("finance")

    text = client.get(page("price")).content.decode()
    assert "0.150000" in text
    assert "0.600000" in text
    change = page("price", "change", deployment.prices.first().pk)
    assert client.get(change).status_code == 200
    assert client.post(change, {"price_pico": "1"}).status_code == 403


@pytest.mark.parametrize("shown", ["now", "later", "ended"])
def test_the_price_list_is_filtered_by_validity(login, shown):
    now = timezone.now()
    deployment = make_deployment()
    hour = timezone.timedelta(hours=1)
    make_price(deployment, "out_text", 1, valid=(now - 2 * hour, now - hour))
    make_price(deployment, "out_text", 2, valid=(now - hour, now + hour))
    make_price(deployment, "out_text", 3, valid=(now + hour, None))

    rows = login("finance").get(page("price"), {"validity": shown}).context["cl"].result_list

    assert [row.price_pico for row in rows] == [{"ended": 1, "now": 2, "later": 3}[shown]]


@pytest.fixture
def proposal():
    deployment = make_deployment(slug="d")
    now = timezone.now()
    set_price(deployment=deployment, usage_class="out_text", price_pico=400, source="x", now=now)
    propose_prices(rows=[ProposedPrice("d", "out_text", 500, 1, "list")], now=now)
    return PriceProposal.objects.get()


def decide(client, proposal, action):
    form = {"action": action, "_selected_action": [proposal.pk]}
    return client.post(
        page("priceproposal"), form | {"confirmed": "1", "reason": "checked"}, follow=True
    )


def test_a_proposal_shows_the_difference(login, proposal):
    text = login("finance").get(page("priceproposal")).content.decode()
    assert "+25.0 %" in text
    assert "$0.000400" in text
    assert "$0.000500" in text


def test_approval_is_a_persons(login, proposal):
    response = decide(login("finance"), proposal, "approve")

    assert "1 approved." in response.content.decode()
    proposal.refresh_from_db()
    assert (proposal.status, proposal.decided_by) == ("approved", "finance")
    price = Price.objects.get(price_pico=500)
    assert price.valid.upper is None
    event = Events.objects.get(pgh_obj_model="registry.Price", pgh_obj_id=str(price.pk))
    assert event.pgh_context["reason"] == "checked"


def test_a_second_decision_is_told_so(login, proposal):
    client = login("finance")
    decide(client, proposal, "reject")

    text = decide(client, proposal, "approve").content.decode()

    assert "decided already" in text
    assert "approved." not in text
    assert Price.objects.count() == 1


def test_who_may_only_look_cannot_decide(login, proposal):
    client = login("auditor")
    decide(client, proposal, "approve")
    button = page("priceproposal", "action", proposal.pk, "approve")
    assert client.post(button, {"confirmed": "1", "reason": "x"}).status_code == 403
    proposal.refresh_from_db()
    assert proposal.status == "open"


def test_an_operator_drains_and_enables_a_provider(login):
    provider = make_deployment().provider
    client = login("operator")
    for action, active in (("drain", False), ("enable", True)):
        button = page("provider", "action", provider.pk, action)
        assert client.get(button).status_code == 200
        client.post(button, {"confirmed": "1", "reason": "maintenance"})
        assert Provider.objects.get().active is active


def test_a_provider_form_never_takes_a_pasted_key(login):
    form = {"slug": "p", "name": "P", "vendor": "openai", "base_url": "https://api.openai.com/v1"}
    form |= {"deployments-TOTAL_FORMS": "0", "deployments-INITIAL_FORMS": "0"}
    client = login("operator")

    response = client.post(page("provider", "add"), form | {"secret_ref": "pasted-value"})
    assert set(response.context["adminform"].form.errors) == {"secret_ref"}

    response = client.post(page("provider", "add"), form | {"secret_ref": "env:OPENAI_API_KEY"})
    assert response.status_code == 302
    assert Provider.objects.get().secret_ref == "env:OPENAI_API_KEY"


@pytest.mark.parametrize("model", ["provider", "model", "deployment", "price", "priceproposal"])
def test_lists_need_the_same_queries_for_many_rows(
    login, django_assert_max_num_queries, model, proposal
):
    client = login("administrator")
    for _ in range(12):
        make_priced_deployment()
    with django_assert_max_num_queries(14):
        assert client.get(page(model)).status_code == 200


@pytest.mark.parametrize("model", ["provider", "model", "deployment"])
def test_detail_pages_show_what_hangs_on_them(login, model):
    deployment = make_priced_deployment(slug="hangs-here")
    row = deployment if model == "deployment" else getattr(deployment, model)
    text = login("auditor").get(page(model, "change", row.pk)).content.decode()
    assert "hangs-here" in text
