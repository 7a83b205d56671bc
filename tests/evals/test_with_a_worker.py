"""Runs with a real worker and a provider over real HTTP: the cap holds, and nothing is asked twice
when the worker is killed."""

from dataclasses import replace

import pytest
from django.db.models import Sum

from apps.budgets.models import Window
from apps.core.clock import db_now
from apps.evals.models import EvalResult
from apps.evals.services.advancing import advance
from apps.evals.services.runs import Plan, quote_run, start_run
from apps.jobs.models import Job
from apps.jobs.services.sweep import sweep
from apps.ledger.models import Entry
from apps.registry.models import Model
from tests.evals.conftest import case, make_cases, make_suite, make_version
from tests.factories import make_service
from tests.jobs.conftest import busy_shop, start_worker  # noqa: F401
from tests.jobs.workers import eventually
from tests.prompts.tools import WEATHER

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
CASES = 12


@pytest.fixture
def real_plan(busy_shop):  # noqa: F811
    from apps.evals.models import Dataset
    from apps.prompts import services as prompts

    prompt = prompts.create_prompt(slug="product-text", name="Product text")
    version = make_version(prompt)
    dataset = Dataset.objects.create(slug="products", name="Products", prompt=prompt)
    cases = [case(f"thing {n}", key=f"c{n}", expected="thing") for n in range(CASES)]
    payer = make_service("evaluation", purpose="evaluation")
    suite = make_suite({"kind": "contains-all"})
    return Plan(version, make_cases(dataset, *cases), suite, payer)


def begin(plan, cap):
    """Not backdated: its calls wait until the worker knows its budget."""
    return start_run(plan=plan, cost_cap_pico=cap, by=None, now=db_now())


def finished(run):
    """Moves it on as beat would."""
    advance(run_id=run.pk)
    run.refresh_from_db()
    return run.finished_at is not None


def test_answers_come_through_the_gateway_and_are_booked_as_evaluation(
    real_plan,
    start_worker,  # noqa: F811
    upstream,
):
    worker = start_worker()
    run = begin(replace(real_plan, repeats=2), 10**9)

    eventually(lambda: finished(run), worker.explain, seconds=90)

    assert run.status == "finished"
    assert set(run.results.values_list("passed", flat=True)) == {True}
    assert len(upstream.log()) == 2 * CASES  # repeats are not answered from the cache
    assert set(Entry.objects.values_list("purpose", flat=True)) == {"evaluation"}
    spent = run.results.aggregate(total=Sum("cost_pico"))["total"]
    assert spent == Entry.objects.aggregate(total=Sum("amount_pico"))["total"]
    assert 0 < spent <= run.quote_pico


def test_a_run_never_costs_more_than_its_cap_and_says_that_it_stopped(
    real_plan,
    start_worker,  # noqa: F811
    upstream,
):
    upstream.behave(usage={"prompt_tokens": 20, "completion_tokens": 60, "total_tokens": 80})
    at_most = quote_run(plan=real_plan).at_most_pico
    worker = start_worker()
    run = begin(real_plan, at_most // 3)

    eventually(lambda: finished(run), worker.explain, seconds=90)

    window = Window.objects.get(budget__slug=run.budget)
    spent = Entry.objects.aggregate(total=Sum("amount_pico"))["total"]
    assert run.status == "capped"
    assert "No room is left for" in run.outcome
    assert 0 < spent == window.posted_pico <= run.cost_cap_pico
    assert 0 < run.results.filter(state="graded").count() < CASES
    assert EvalResult.objects.filter(state="waiting").count() == 0


def test_a_killed_worker_costs_time_only(
    real_plan,
    start_worker,  # noqa: F811
    upstream,
):
    upstream.behave(latency=0.4)
    first = start_worker(JOB_SLOTS="4")
    run = begin(real_plan, 10**9)
    eventually(lambda: finished(run) or len(upstream.log()) >= 4, first.explain, seconds=90)
    first.kill()
    second = start_worker()

    def ended():
        sweep()
        return finished(run)

    eventually(ended, second.explain, seconds=90)

    assert run.status == "finished"
    assert run.results.filter(state="graded").count() == CASES
    assert Job.objects.count() == CASES  # no job was accepted twice


def test_what_a_model_calls_is_checked_against_the_tools_of_its_version(
    real_plan,
    start_worker,  # noqa: F811
    upstream,
):
    Model.objects.filter(slug="small").update(supports_tools=True)
    parameters = {"max_tokens": 60, "tool_choice": "required"}
    version = make_version(real_plan.version.prompt, tools=[WEATHER], parameters=parameters)
    worker = start_worker()
    suite = make_suite({"kind": "tool-call-valid", "value": "get_weather"}, slug="calls")
    run = begin(replace(real_plan, version=version, suite=suite), 10**9)

    eventually(lambda: finished(run), worker.explain, seconds=90)

    assert set(run.results.values_list("passed", flat=True)) == {True}
    assert {entry["body"]["tools"][0]["function"]["name"] for entry in upstream.log()} == {
        "get_weather"
    }
