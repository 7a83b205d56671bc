"""`import_prices` and `approve_prices` against the data that genai-prices really carries."""

import json
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from genai_prices import Usage, calc_price

from apps.core.money import PICO, line_amount, pico_from_usd
from apps.ledger.pricing import price_usage
from apps.registry.models import Price, PriceProposal
from apps.registry.snapshot import read_registry
from tests.factories import make_deployment, make_model, make_provider

pytestmark = pytest.mark.django_db


def run(*args):
    out = StringIO()
    call_command(*args, "--json", stdout=out)
    return json.loads(out.getvalue())


@pytest.fixture
def openai():
    return make_provider("https://api.openai.com/v1", slug="openai", vendor="openai")


@pytest.fixture
def mini(openai):
    return make_deployment(slug="mini", provider=openai, upstream_name="gpt-4o-mini")


@pytest.fixture
def approver():
    user = User.objects.create_user("fin", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="approve_price"))
    return user


def test_it_proposes_the_published_prices(mini):
    result = run("import_prices")

    assert {row["usage_class"]: row["price_pico"] for row in result["proposed"]} == {
        "in_uncached": 150_000,
        "in_cache_read": 75_000,
        "out_text": 600_000,
        "out_reasoning": 600_000,
    }
    assert PriceProposal.objects.filter(status="open", deployment=mini).count() == 4
    assert Price.objects.count() == 0


def test_again_it_has_no_news(mini):
    run("import_prices")

    result = run("import_prices")

    assert (result["proposed"], result["unchanged"]) == ([], 4)
    assert PriceProposal.objects.count() == 4


def test_after_approval_it_has_no_news_either(mini, approver):
    run("import_prices")
    assert run("approve_prices", "--all", "--by", "fin") == {"approved": 4, "by": "fin"}

    assert run("import_prices")["unchanged"] == 4
    assert Price.objects.count() == 4
    assert not PriceProposal.objects.filter(status="open").exists()


def test_our_price_of_a_call_equals_the_packages(mini, approver):
    run("import_prices")
    run("approve_prices", "--all", "--by", "fin")
    now = datetime.now(UTC)
    prices = read_registry().deployments["mini"].prices_at(now)
    counts = {"in_uncached": 1234, "in_cache_read": 766, "out_text": 98, "out_reasoning": 0}

    ours = sum(
        line_amount(
            quantity=counts[row.usage_class], price_pico=row.price_pico, per_block=row.per_block
        )
        for row in prices
    )

    usage = Usage(input_tokens=2000, cache_read_tokens=766, output_tokens=98)
    theirs = calc_price(usage, "gpt-4o-mini", provider_id="openai").total_price
    assert ours == pico_from_usd(theirs)


def test_a_dry_run_stores_nothing(mini):
    assert len(run("import_prices", "--dry-run")["proposed"]) == 4
    assert PriceProposal.objects.count() == 0


def test_what_it_cannot_use_is_named(openai):
    make_deployment(slug="own", upstream_name="our-own-model")

    skipped = run("import_prices")["skipped"]

    assert {row["deployment"]: row["reason"] for row in skipped} == {
        "own": "genai-prices does not know this provider and model",
    }
    assert PriceProposal.objects.count() == 0


def test_a_price_by_the_length_of_the_input_is_proposed_as_steps(openai, approver):
    make_deployment(slug="cliff", provider=openai, upstream_name="gpt-5.5")
    assert run("import_prices")["skipped"] == []

    run("approve_prices", "--all", "--by", "fin")

    assert run("import_prices")["proposed"] == []
    prices = read_registry().deployments["cliff"].prices_at(datetime.now(UTC))
    for tokens in (1, 272_000, 272_001, 900_000):
        counts = {"in_uncached": tokens - 1, "in_cache_read": 1, "out_text": 98}
        usage = Usage(input_tokens=tokens, cache_read_tokens=1, output_tokens=98)
        theirs = calc_price(usage, "gpt-5.5", provider_id="openai").total_price
        ours = price_usage(counts=counts, prices=prices).amount_pico
        assert ours == pico_from_usd(theirs), tokens
    assert {row.min_input_tokens for row in prices} == {0, 272_001}


def test_what_a_request_and_a_search_cost_is_proposed_for_a_thousand():
    server = make_provider("https://api.perplexity.ai")
    make_deployment(slug="sonar", provider=server, upstream_name="sonar", searches_at_most=3)
    make_deployment(slug="haiku", upstream_name="claude-haiku-4-5", provider=claude())
    make_deployment(
        slug="seeker", upstream_name="claude-haiku-4-5", provider=claude(), searches_at_most=3
    )

    found = {
        (row["deployment"], row["usage_class"]): (row["price_pico"], row["per_block"])
        for row in run("import_prices")["proposed"]
    }

    assert found["sonar", "requests"] == (12 * PICO, 1000)
    assert found["seeker", "web_search"] == (10 * PICO, 1000)
    assert ("haiku", "web_search") not in found
    assert found["haiku", "in_cache_write_1h"] == (2_000_000, 1)


def claude():
    return make_provider("https://api.anthropic.com/v1")


def test_a_compatible_provider_is_known_by_its_address():
    groq = make_provider("https://api.groq.com/openai/v1")
    make_deployment(provider=groq, upstream_name="llama-3.3-70b-versatile")

    proposed = run("import_prices")["proposed"]

    assert {row["usage_class"] for row in proposed} >= {"in_uncached", "out_text"}


def test_embeddings_have_no_output_price(openai):
    model = make_model(kind="embedding", max_output_tokens=0)
    make_deployment(provider=openai, model=model, upstream_name="text-embedding-3-small")

    proposed = run("import_prices")["proposed"]

    assert [(row["usage_class"], row["price_pico"]) for row in proposed] == [
        ("in_uncached", 20_000)
    ]


def test_it_can_be_narrowed(mini, openai):
    make_deployment(slug="other", provider=openai, upstream_name="gpt-4o")

    assert {
        row["deployment"] for row in run("import_prices", "--deployment", "mini")["proposed"]
    } == {"mini"}
    assert run("import_prices", "--provider", make_provider().slug)["proposed"] == []


def test_unknown_names_are_all_told(mini):
    with pytest.raises(CommandError) as caught:
        run("import_prices", "--provider", "nope", "--deployment", "nada")
    assert "There is no provider “nope”. Known: openai." in str(caught.value)
    assert "There is no deployment “nada”. Known: mini." in str(caught.value)


@pytest.mark.parametrize("username", ["fin", "nobody"])
def test_approval_needs_a_person_who_may(mini, username):
    User.objects.create_user("fin", is_staff=True)
    run("import_prices")

    with pytest.raises(CommandError, match=r"registry\.approve_price"):
        run("approve_prices", "--all", "--by", username)

    assert Price.objects.count() == 0
