"""API, command and admin page of the cache: each makes one call into the same services."""

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.urls import reverse
from rest_framework.test import APIClient

from apps.cache.models import CacheRule, Invalidation
from apps.core.clock import db_now
from apps.core.redis import client as redis_client
from apps.ledger.models import Entry
from apps.prompts.models import Prompt, PromptVersion
from tests.factories import make_key, make_model, make_service

pytestmark = pytest.mark.django_db
ADD = reverse("admin:cache_invalidation_add")
LIST = reverse("admin:cache_invalidation_changelist")


@pytest.fixture
def shop():
    redis_client().flushdb()
    return make_service("shop")


@pytest.fixture
def api(shop):
    return APIClient(headers={"authorization": f"Bearer {make_key(shop)}"})


def book(kind, service="shop", prompt="", model="small", avoided=0):
    dimensions = {"service": service, "team": "t", "cost_center": "c", "provider": "p"}
    dimensions |= {"deployment": "d", "prompt": prompt, "model": model}
    Entry.objects.create(
        at=db_now(), kind=kind, amount_pico=0, avoided_pico=avoided, request_id="r", **dimensions
    )


def person(client, *permissions):
    user = User.objects.create_user("olga", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)


def invalidate(api, **body):
    return api.post("/api/v1/cache/invalidate/", {"reason": "a test", **body}, format="json")


def test_a_service_sees_its_own_hits_and_savings_by_prompt_and_model(api):
    for kind, avoided in (("charge", 0), ("cache_hit", 7), ("cache_hit", 5)):
        book(kind, prompt="greeting", avoided=avoided)
    book("charge", model="large")
    book("cache_hit", service="other", avoided=1000)

    answer = api.get("/api/v1/cache/?days=7").json()

    assert answer["total"] | {"hit_share": 0.5} == answer["total"]
    assert [(row["name"], row["calls"], row["hits"]) for row in answer["models"]] == [
        ("small", 3, 2),
        ("large", 1, 0),
    ]
    greeting = answer["prompts"][0]
    assert (greeting["name"], greeting["misses"]) == ("greeting", 1)
    assert greeting["avoided_usd"] == "0.000000000012"


@pytest.mark.parametrize("handle", ["tag", "model"])
def test_a_service_drops_its_own_answers(api, handle):
    before = redis_client().dbsize()
    answer = invalidate(api, **{handle: "summer"})

    assert (answer.status_code, answer.json()["at_once"]) == (200, True)
    row = Invalidation.objects.get()
    assert (row.tenant, row.handle, row.name) == ("shop", handle, "summer")
    assert (row.actor, row.reason) == ("service shop", "a test")
    assert redis_client().dbsize() == before + 1
    assert redis_client().get(f"cache:generation:shop:{handle}:summer")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, [""]),
        ({"tag": "a", "prompt": "b"}, [""]),
        ({"tag": "a", "service": "other"}, ["/service"]),
        ({"prompt": "nothing"}, ["/prompt"]),
        ({"key": "abc"}, ["/key"]),
        ({"tag": "a", "reason": ""}, ["/reason"]),
    ],
)
def test_a_bad_request_names_its_fields_and_drops_nothing(api, body, pointers):
    answer = invalidate(api, **body)

    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == pointers
    assert not Invalidation.objects.exists()


def test_without_a_key_the_door_is_closed(shop):
    assert APIClient().get("/api/v1/cache/").status_code == 401
    assert invalidate(APIClient(), tag="a").status_code == 401


def test_the_command_drops_and_says_so(shop, capsys):
    call_command("invalidate_cache", "--service=shop", "--tag=summer", "--reason=why", "--json")

    said = json.loads(capsys.readouterr().out)
    assert said == {"service": "shop", "by": "tag", "name": "summer", "at_once": True}
    with pytest.raises(CommandError, match="Only prompts and models"):
        call_command("invalidate_cache", "--tag=summer", "--reason=why")
    with pytest.raises(CommandError, match="only one of --tag and --model"):
        call_command("invalidate_cache", "--tag=a", "--model=b", "--reason=why")


def test_an_operator_drops_with_a_reason(client, shop):
    person(client, "view_invalidation", "add_invalidation")
    form = {"service": "shop", "handle": "tag", "name": "summer", "reason": "Prices changed"}

    assert client.post(ADD, form | {"reason": ""}).status_code == 200
    assert client.post(ADD, form | {"handle": "prompt"}).status_code == 200
    assert not Invalidation.objects.exists()
    assert client.post(ADD, form).status_code == 302
    row = Invalidation.objects.get()
    assert (row.actor, row.reason, row.at_once) == ("olga", "Prices changed", True)


def test_the_page_shows_hit_share_and_savings_from_real_rows(client, shop):
    person(client, "view_invalidation")
    book("charge", prompt="greeting")
    book("cache_hit", prompt="greeting", avoided=3 * 10**12)

    page = client.get(LIST).content.decode()

    assert "50.0%" in page
    assert "greeting" in page
    assert "3.00" in page
    assert ADD not in page, "who may not invalidate sees no button"


def test_a_rule_must_be_about_something_and_there_is_one(client, shop):
    person(client, "view_cacherule", "add_cacherule", "view_service", "view_prompt")
    add = reverse("admin:cache_cacherule_add")

    assert client.post(add, {"ttl_seconds": 60, "stale_seconds": 0}).status_code == 200
    form = {"service": shop.pk, "ttl_seconds": 60, "stale_seconds": 0}
    assert client.post(add, form).status_code == 302
    assert client.post(add, form).status_code == 200
    assert CacheRule.objects.count() == 1


@pytest.fixture
def helper():
    prompt = Prompt.objects.create(slug="helper", name="Helper")
    variables = {
        "question": {"type": "string"},
        "history": {"type": "messages"},
        "name": {"type": "string", "sensitivity": "personal"},
    }
    PromptVersion.objects.create(
        prompt=prompt,
        number=1,
        status="sealed",
        sealed_at=db_now(),
        content_hash="0" * 64,
        variables=variables,
        model="small",
    )
    return prompt


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"similar_from": ""}, {"similar_from"}),
        ({"similar_from": "0.49", "similar_model": ""}, {"similar_from", "similar_model"}),
        ({"similar_from": "1.1", "prompt": "", "ttl_seconds": 0},
         {"similar_from", "prompt", "ttl_seconds"}),
        ({"similar_variable": ""}, {"similar_variable"}),
        ({"similar_variable": "another"}, {"similar_variable"}),
        ({"similar_variable": "history"}, {"similar_variable"}),
        ({"similar_variable": "name"}, {"similar_variable"}),
        ({"similar_variable": "", "similar_model": "", "prompt": ""},
         {"similar_variable", "similar_model", "prompt"}),
    ],
)  # fmt: skip
def test_a_choice_of_similar_questions_names_all_its_faults(client, shop, helper, change, fields):
    person(client, "view_cacherule", "add_cacherule", "view_service", "view_prompt", "view_model")
    form = {
        "prompt": helper.pk, "service": shop.pk, "ttl_seconds": 60, "stale_seconds": 0,
        "similar_variable": "question", "similar_from": "0.95",
        "similar_model": make_model("vectors", kind="embedding", max_output_tokens=0).pk,
    }  # fmt: skip
    add = reverse("admin:cache_cacherule_add")

    refused = client.post(add, form | change)
    assert refused.status_code == 200
    assert set(refused.context["adminform"].errors) == fields
    assert "1.3% of near misses" in refused.content.decode()
    assert client.post(add, form).status_code == 302


def test_the_database_too_wants_all_of_the_choice_or_none(helper):
    with pytest.raises(IntegrityError, match="similar_is_whole"):
        CacheRule.objects.create(prompt=helper, ttl_seconds=60, similar_variable="question")
