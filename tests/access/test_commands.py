"""Scripts make everything, repeat it without a trace, and are told every fault."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.access.keys import authenticate
from apps.access.models import ApiKey, CostCenter, Service, Team, Tier
from apps.access.snapshot import read_keys
from apps.core.clock import now
from apps.core.snapshot import current_epoch
from apps.registry.models import Deployment, Model, Price, Provider
from apps.routing.models import Route

pytestmark = pytest.mark.django_db


def run(*args):
    out = StringIO()
    call_command(*args, "--json", stdout=out)
    return json.loads(out.getvalue())


def faults(*args):
    with pytest.raises(CommandError) as caught:
        call_command(*args)
    return str(caught.value).splitlines()


EVERYTHING = (
    ("create_tier", "standard", "--requests-per-second", "50", "--burst", "100"),
    ("create_service", "shop", "--team", "web", "--cost-center", "cc-1", "--tier", "standard"),
    ("create_provider", "local", "--vendor", "compatible", "--base-url", "http://llm:8080/v1"),
    (
        "create_deployment", "small", "--provider", "local", "--model", "smol",
        "--upstream-name", "smol-135m", "--context-window", "8192", "--max-output", "1024",
        "--input-usd-per-mtok", "0.15", "--output-usd-per-mtok", "0.6",
    ),
    ("create_route", "chat", "--target", "small"),
)  # fmt: skip


def test_a_script_makes_all_that_a_call_needs():
    changes = [run(*command)["change"] for command in EVERYTHING]

    assert changes == ["created"] * 5
    service = Service.objects.get(slug="shop")
    assert (service.name, service.team.slug, service.cost_center.slug, service.tier.slug) == (
        "shop",
        "web",
        "cc-1",
        "standard",
    )
    deployment = Deployment.objects.get(slug="small")
    assert (deployment.model.context_window, deployment.model.max_output_tokens) == (8192, 1024)
    prices = {row.usage_class: row.price_pico for row in Price.objects.all()}
    assert prices == {
        "in_uncached": 150_000,
        "in_cache_read": 150_000,
        "out_text": 600_000,
        "out_reasoning": 600_000,
    }
    assert [t.deployment for t in Route.objects.get(slug="chat").targets.all()] == [deployment]


def test_repeating_it_leaves_no_trace():
    for command in EVERYTHING:
        run(*command)
    before = current_epoch()

    changes = [run(*command)["change"] for command in EVERYTHING]

    assert changes == ["unchanged"] * 5
    assert current_epoch() == before


def test_what_exists_is_changed_and_the_rest_kept():
    for command in EVERYTHING:
        run(*command)
    run("create_provider", "cloud", "--vendor", "openai", "--base-url", "https://api.openai.com/v1")

    assert run("create_deployment", "small", "--provider", "cloud")["change"] == "updated"
    assert run("create_deployment", "small", "--output-usd-per-mtok", "1")["change"] == "updated"

    deployment = Deployment.objects.get(slug="small")
    assert (deployment.provider.slug, deployment.upstream_name) == ("cloud", "smol-135m")
    assert Price.objects.filter(usage_class="out_text").count() == 2


def test_targets_change_places():
    for command in EVERYTHING:
        run(*command)
    run(
        "create_deployment", "big", "--provider", "local", "--model", "smol", "--upstream-name", "x"
    )

    assert run("create_route", "chat", "--target", "big", "small")["change"] == "updated"
    assert (
        run("create_route", "chat", "--target", "small", "--target", "big")["change"] == "updated"
    )

    targets = Route.objects.get(slug="chat").targets.order_by("position")
    assert [(t.position, t.deployment.slug) for t in targets] == [(1, "small"), (2, "big")]


def test_a_key_is_printed_and_works():
    for command in EVERYTHING:
        run(*command)
    result = run("create_key", "shop", "--name", "ci")

    assert authenticate(result["key"], records=read_keys(), now=now()).service == "shop"
    assert ApiKey.objects.get().prefix == result["prefix"]


def test_all_faults_of_a_service_are_named():
    assert faults("create_service", "a b", "--team", "c d", "--cost-center", "", "--tier", "x") == [
        "team: Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.",
        "cost_center: This field cannot be blank.",
        "tier: There is no tier “x”. Known: none.",
        "slug: Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.",
    ]
    for model in (Service, Team, CostCenter):
        assert model.objects.count() == 0


def test_all_faults_of_a_provider_are_named():
    lines = faults(
        "create_provider", "p", "--vendor", "aws", "--base-url", "ftp://x", "--secret-ref", "pasted"
    )
    assert [line.partition(":")[0] for line in lines] == ["vendor", "base_url", "secret_ref"]
    assert not any("pasted" in line for line in lines)
    assert Provider.objects.count() == 0


def test_all_faults_of_a_deployment_are_named():
    assert faults("create_deployment", "d", "--provider", "p", "--model", "m") == [
        "model context_window: A new model needs it, in tokens: give --context-window.",
        "provider: There is no provider “p”. Known: none.",
        "upstream_name: This field cannot be blank.",
    ]
    assert Model.objects.count() == Deployment.objects.count() == 0


@pytest.mark.parametrize("price", ["-1", "free", "0.1234567", "NaN", "Infinity"])
def test_a_bad_price_is_refused(price):
    lines = faults("create_deployment", "d", f"--input-usd-per-mtok={price}")
    assert lines == ["input_usd_per_mtok: Give dollars with at most six decimals, e.g. 0.15."]


NEW = (
    "create_deployment", "d", "--provider", "local", "--model", "m", "--upstream-name", "m",
    "--context-window", "8192",
)  # fmt: skip


@pytest.mark.parametrize(("given", "missing"), [("input", "output"), ("output", "input")])
def test_half_a_price_is_refused(given, missing):
    run(*EVERYTHING[2])
    (fault,) = faults(*NEW, f"--{given}-usd-per-mtok", "1")
    assert fault == (
        f"{missing}_usd_per_mtok: It would have no price: give --{missing}-usd-per-mtok too, "
        "0 if it is free."
    )
    assert Deployment.objects.count() == Price.objects.count() == 0


def test_an_embedding_needs_no_price_for_output():
    run(*EVERYTHING[2])
    embedding = ("--kind", "embedding", "--max-output", "0", "--input-usd-per-mtok", "0.02")
    assert run(*NEW, *embedding)["change"] == "created"


def abilities():
    model = Model.objects.get()
    return model.supports_tools, model.supports_json_schema, model.supports_images


def test_abilities_are_given_taken_away_and_else_kept():
    run(*EVERYTHING[2])
    run(*NEW, "--tools", "--json-schema")
    assert abilities() == (True, True, False)

    assert run("create_deployment", "d", "--images", "--no-tools")["change"] == "updated"
    assert abilities() == (False, True, True)
    assert run("create_deployment", "d")["change"] == "unchanged"
    assert abilities() == (False, True, True)


def test_all_faults_of_a_route_are_named():
    assert faults("create_route", "r s", "--target", "x", "x") == [
        "slug: Enter a valid “slug” consisting of letters, numbers, underscores or hyphens.",
        "targets: There is no deployment “x”. Known: none.",
        "targets: There is no deployment “x”. Known: none.",
        "targets: “x” is named twice.",
    ]
    assert faults("create_route", "r") == ["targets: A route needs at least one deployment."]
    assert Route.objects.count() == 0


def test_a_key_needs_a_service():
    Tier.objects.create(slug="standard", name="S")
    assert faults("create_key", "shop", "--name", "x") == [
        "service: There is no service “shop”. Known: none."
    ]
