"""Services see what prompts there are, what they want and what they would send."""

import pytest
from django.test import Client

from tests.factories import make_key, make_service
from tests.prompts.conftest import make_draft, make_live, make_prompt, make_sealed, saying

pytestmark = pytest.mark.django_db
URL = "/api/v1/prompts/"


@pytest.fixture
def api():
    return Client(headers={"authorization": f"Bearer {make_key(make_service())}"})


def post(api, slug, **body):
    return api.post(f"{URL}{slug}/render/", body, content_type="application/json")


def test_a_key_is_needed(prompt):
    assert Client().get(URL).status_code == 401
    assert Client().post(f"{URL}{prompt.slug}/render/").status_code == 401


def test_the_list_tells_what_is_live_where(api, prompt):
    make_live(prompt)
    make_live(prompt, saying("Praise"), channel="staging")
    hidden = make_prompt("old")
    hidden.archived = True
    hidden.save()

    found = api.get(URL).json()["results"]

    assert [
        (row["slug"], [(at["channel"], at["version"]) for at in row["live"]]) for row in found
    ] == [("product-text", [("production", 1), ("staging", 2)])]


def test_the_list_costs_the_same_for_many(api, django_assert_num_queries):
    for number in range(4):
        make_live(make_prompt(f"prompt-{number}"))

    # The key, the prompts, and three prefetches.
    with django_assert_num_queries(5):
        assert len(api.get(URL).json()["results"]) == 4


def test_a_prompt_tells_what_it_wants(api, prompt):
    make_live(prompt)
    make_draft(prompt, saying("Secret draft"))

    found = api.get(f"{URL}{prompt.slug}/").json()

    assert found["live"][0]["variables"]["product"]["max_length"] == 20
    assert found["live"][0]["model"] == "small"
    assert [(row["number"], row["status"]) for row in found["versions"]] == [(1, "sealed")]
    assert "Secret" not in str(found)


def test_rendering_gives_the_messages(api, prompt):
    make_live(prompt)

    answer = post(api, prompt.slug, variables={"product": "tea"})

    assert answer.status_code == 200
    assert answer.json() == {
        "prompt": "product-text",
        "version": 1,
        "arm": "",
        "model": "small",
        "parameters": {"max_tokens": 60},
        "tools": [],
        "messages": [
            {"role": "system", "content": "You write short texts for a shop."},
            {"role": "user", "content": "Describe tea."},
        ],
    }


def test_rendering_an_exact_version(api, prompt):
    make_sealed(prompt)
    make_live(prompt, saying("Praise"))

    answer = post(api, prompt.slug, variables={"product": "tea"}, version=1)

    assert (answer.status_code, answer.json()["version"]) == (200, 1)


def test_all_faults_of_the_variables_come_at_once(api, prompt):
    make_live(prompt)

    answer = post(api, prompt.slug, variables={"product": 7, "prise": 1})

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [
        ("/variables/prise", "unknown_variable"),
        ("/variables/product", "wrong_type"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"version": 9}, 404),
        ({"channel": "nowhere"}, 404),
        ({"version": 2**40}, 400),
        ({"variables": []}, 400),
        ({"unknown": 1}, 400),
    ],
)
def test_bad_requests_are_refused_clearly(api, prompt, body, status):
    make_live(prompt)

    assert post(api, prompt.slug, **body).status_code == status


def test_an_unknown_prompt_is_a_404(api):
    assert api.get(f"{URL}nope/").status_code == 404
    assert post(api, "nope").json()["code"] == "prompt_not_found"
