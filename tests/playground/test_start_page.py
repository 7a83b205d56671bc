"""The playground's own page: which prompt, and which run of mine."""

import pytest

from apps.gateway.config import read_config
from apps.playground.selectors.offered import models_of
from apps.prompts.models import Prompt
from apps.routing.models import Route
from apps.routing.services import NewTarget, set_targets
from tests.factories import make_deployment, make_model
from tests.playground.runs import run_it
from tests.prompts.conftest import browser, make_live, make_person, make_prompt, make_sealed

pytestmark = pytest.mark.django_db
URL = "/admin/playground/"


def shown(client, **query):
    answer = client.get(URL, query)
    assert answer.status_code == 200
    return [row.slug for row in answer.context["prompts"]]


def test_the_navigation_leads_there(desk):
    assert f'href="{URL}"' in desk.get("/admin/").content.decode()
    html = desk.get(URL).content.decode()
    assert "No prompt has a version yet." in html
    assert "None yet. Choose a prompt" in html


def test_prompts_that_can_be_run(desk, prompt):
    make_live(prompt)
    make_sealed(make_prompt("gift"))
    Prompt.objects.filter(slug="gift").update(folder="shop/texts")
    make_prompt("empty")
    archived = make_prompt("archived")
    make_sealed(archived)
    Prompt.objects.filter(pk=archived.pk).update(archived=True)

    assert shown(desk) == ["gift", "product-text"]
    assert shown(desk, q="shop/") == ["gift"]
    assert shown(desk, q="nowhere") == []
    html = desk.get(URL, {"q": "<b>"}).content.decode()
    assert "“&lt;b&gt;”" in html


def test_only_what_can_chat_is_offered(small):
    embeddings = make_deployment(model=make_model("vectors", kind="embedding"), slug="vectors-here")
    for slug, target in (("fast", small), ("search", embeddings)):
        set_targets(route=Route.objects.create(slug=slug, name=slug), targets=[NewTarget(target)])

    assert models_of(read_config()) == ["fast", "small"]


def test_ones_own_runs(desk, engineer, prompt, account, fresh_config):
    sealed = make_sealed(prompt)
    mine = run_it(prompt, sealed, by=engineer)
    run_it(prompt, sealed, by=make_person("other", "prompt-engineer"))

    answer = desk.get(URL)

    assert list(answer.context["runs"]) == [mine]
    assert f"/admin/playground/runs/{mine.pk}/" in answer.content.decode()


@pytest.mark.parametrize(
    ("role", "status"),
    [("prompt-engineer", 200), ("administrator", 200), ("approver", 403), ("auditor", 403)],
)
def test_who_may(db, role, status):
    client = browser(make_person("person", role))

    assert client.get(URL).status_code == status
    assert (f'href="{URL}"' in client.get("/admin/").content.decode()) == (status == 200)
