"""Runs with a real worker and a provider over real HTTP: what is shown is what is booked."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import Sum
from django.urls import reverse

from apps.budgets.models import Budget, Window
from apps.core.admin.cells import exact_money
from apps.jobs import live
from apps.jobs.models import Job
from apps.ledger.models import Entry
from apps.playground.selectors.columns import columns_of
from apps.registry.models import Model
from tests.evals.conftest import make_person
from tests.factories import make_model, make_priced_deployment, make_provider
from tests.jobs.conftest import busy_shop, start_worker  # noqa: F401
from tests.jobs.workers import eventually
from tests.playground.runs import opened, run_it
from tests.prompts.conftest import browser, content, make_draft, make_sealed
from tests.prompts.tools import WEATHER

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def shop(busy_shop, fresh_config, upstream):  # noqa: F811
    """Three models of one provider, and the playground's account."""
    provider = make_provider(upstream.url)
    for n in (1, 2, 3):
        make_priced_deployment(
            provider=provider, model=make_model(f"m{n}"), slug=f"m{n}-1",
            input_pico=n * 101, output_pico=n * 203,
        )  # fmt: skip
    return opened()


def ended(run):
    return not any(column.is_open for column in columns_of(run))


def booked():
    return Entry.objects.aggregate(total=Sum("amount_pico"))["total"]


def test_four_columns_at_once_show_what_is_booked(
    shop,
    prompt,
    upstream,
    start_worker,  # noqa: F811
):
    engineer = make_person("engineer", "prompt-engineer")
    sealed, draft = (
        make_sealed(prompt, content(model="m1")),
        make_draft(prompt, content(model="m2")),
    )
    worker = start_worker()

    run = run_it(prompt, sealed, draft, (sealed, "m3"), (sealed, "m2"), by=engineer)
    eventually(lambda: ended(run), worker.explain, seconds=60)

    columns = columns_of(run)
    assert [column.status for column in columns] == ["succeeded"] * 4
    assert [column.model for column in columns] == ["m1", "m2", "m3", "m2"]
    assert sum(column.cost_pico for column in columns) == booked() > 0
    shown = browser(engineer).get(reverse("admin:playground_run", args=[run.pk]))
    for amount in (booked(), *(column.cost_pico for column in columns)):
        assert exact_money(amount) in shown.content.decode()
    assert booked() == Window.objects.get(budget__slug="playground").posted_pico
    assert all(0 < c.cost_pico <= c.trial.at_most_pico for c in columns)
    assert set(Entry.objects.values_list("purpose", "service")) == {("playground", "playground")}
    assert all(column.first_token_ms is not None for column in columns)
    assert live.said([columns[0].trial.job_id]) == {columns[0].trial.job_id: columns[0].text}


def test_a_provider_that_fails_costs_its_own_column_only(
    shop,
    prompt,
    upstream,
    start_worker,  # noqa: F811
):
    engineer = make_person("engineer", "prompt-engineer")
    sealed = make_sealed(prompt, content(model="m1"))
    upstream.behave(model="m2", status=400)
    worker = start_worker()

    run = run_it(prompt, sealed, (sealed, "m2"), (sealed, "m3"), (sealed, "m1"), by=engineer)
    eventually(lambda: ended(run), worker.explain, seconds=60)

    columns = columns_of(run)
    assert [column.status for column in columns] == [
        "succeeded",
        "failed",
        "succeeded",
        "succeeded",
    ]
    assert columns[1].code == "bad_request"
    assert sum(column.cost_pico for column in columns) == booked()
    shown = browser(engineer).get(reverse("admin:playground_run", args=[run.pk]))
    assert "this model does not take them as they are" in shown.content.decode()


def test_who_closes_the_page_is_booked_all_the_same(
    shop,
    prompt,
    upstream,
    start_worker,  # noqa: F811
):
    """Nobody asks for the answer: not one request follows the one that started it."""
    engineer = make_person("engineer", "prompt-engineer")
    sealed = make_sealed(prompt, content(model="m1"))
    upstream.behave(latency=0.5)
    worker = start_worker()

    run_it(prompt, sealed, by=engineer)
    eventually(lambda: Job.objects.get().finished_at, worker.explain, seconds=60)

    assert len(upstream.log()) == 1
    assert Job.objects.get().cost_pico == booked() > 0


def test_a_budget_that_runs_out_refuses_in_words(
    shop,
    prompt,
    upstream,
    start_worker,  # noqa: F811
):
    """After the estimate and before the call."""
    engineer = make_person("engineer", "prompt-engineer")
    run = run_it(prompt, make_sealed(prompt, content(model="m1")), by=engineer)
    Budget.objects.update(limit_pico=1)

    worker = start_worker()
    eventually(lambda: ended(run), worker.explain, seconds=60)

    (column,) = columns_of(run)
    assert (column.status, column.code, column.cost_pico) == ("failed", "budget_exceeded", 0)
    assert "Budget “playground” has" in column.error
    assert upstream.log() == []
    assert not Entry.objects.exists()
    shown = browser(engineer).get(reverse("admin:playground_run", args=[run.pk]))
    assert "Finance can raise the budget" in shown.content.decode()


def test_two_clicks_at_the_same_moment_are_one_run(shop, prompt):
    engineer, token = make_person("engineer", "prompt-engineer"), uuid4()
    sealed = make_sealed(prompt, content(model="m1"))
    together = Barrier(2)

    def click(_):
        together.wait()
        try:
            return run_it(prompt, sealed, by=engineer, token=token).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(click, range(2))

    assert first == second
    assert Job.objects.count() == 1


def test_calls_of_tools_are_shown_in_place_of_an_empty_answer(
    shop,
    prompt,
    start_worker,  # noqa: F811
):
    """Of a sealed version and of a draft, which goes as messages."""
    Model.objects.filter(slug="m1").update(supports_tools=True)
    engineer = make_person("engineer", "prompt-engineer")
    called = {"model": "m1", "parameters": {"max_tokens": 60, "tool_choice": "required"}}
    versions = [
        make(prompt, content(tools=[WEATHER], **called)) for make in (make_sealed, make_draft)
    ]
    worker = start_worker()

    run = run_it(prompt, *versions, by=engineer)
    eventually(lambda: ended(run), worker.explain, seconds=60)

    for column in columns_of(run):
        assert (column.status, column.text, column.finish_reason) == ("succeeded", "", "tool_calls")
        assert json.loads(column.tools)[0]["function"]["name"] == "get_weather"
    html = browser(engineer).get(reverse("admin:playground_run", args=[run.pk])).content.decode()
    assert html.count("get_weather") >= 2
    assert "The answer is empty" not in html
