"""The playground in a real browser: by keyboard, with and without scripts, on a phone."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.budgets.models import Window
from apps.budgets.windows import bounds_now
from apps.core.money import PICO
from apps.core.redis import client as redis_client
from apps.evals.models import Dataset
from apps.jobs import live
from apps.jobs.models import Job
from apps.playground.models import Run
from apps.playground.services.account import budget_of_playground
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.evals.conftest import case, make_cases
from tests.evals.runs import end_job
from tests.playground.runs import past_call, run_it
from tests.prompts.conftest import CONTENT, content, make_draft, make_sealed
from tests.visitor import PHONE

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]
LONG = "A kettle that whistles at noon, and again when the tea is forgotten. " * 60


@pytest.fixture
def sealed(account, prompt):
    return make_sealed(prompt)


@pytest.fixture
def url(prompt):
    return reverse("admin:playground", args=[prompt.pk])


def run_url(run):
    return reverse("admin:playground_run", args=[run.pk])


@pytest.fixture
def runs(prompt, sealed, admin_user):  # noqa: F811
    """One that is over, in all the ways that a column can end, and one that is open."""
    draft = make_draft(prompt, by=admin_user)
    over = run_it(prompt, sealed, draft, (sealed, "small"), sealed, by=admin_user)
    first, second, third, fourth = Job.objects.order_by("id")
    end_job(first, LONG, cost_pico=10**6, deployment="small-here", cache="miss")
    end_job(second, None)
    end_job(third, None, status="cancelled", error_code="", error="")
    end_job(fourth, "", deployment="small-here")
    dataset = Dataset.objects.create(slug="products", name="Products", prompt=prompt)
    make_cases(dataset, case("a cup", key="blue"))
    past_call(prompt, sealed)
    return over, run_it(prompt, sealed, sealed, by=admin_user, values={"product": "a bowl"})


def test_no_page_breaks_policy_or_accessibility(visit, url, runs):  # noqa: F811
    over, waiting = runs
    keep = reverse("admin:playground_keep", args=[over.trials.first().pk])
    tab = visit()

    assert tab.unreadable([url, run_url(over), run_url(waiting), keep]) == []
    assert tab.problems == []


def test_on_a_phone_answers_stand_below_each_other(visit, url, runs):  # noqa: F811
    tab = visit(viewport=PHONE)
    tab.go(run_url(runs[1]))

    answer = tab.page.locator("#column-1")
    below = tab.page.locator("#column-2")
    assert answer.bounding_box()["y"] < below.bounding_box()["y"]


def test_a_long_answer_scrolls_inside(visit, runs):  # noqa: F811
    tab = visit()
    tab.go(run_url(runs[0]))

    answer = tab.page.get_by_role("region", name="Answer 1")
    scrolls = answer.evaluate("node => node.scrollHeight > node.clientHeight")
    assert scrolls
    assert answer.bounding_box()["height"] < 450


def test_the_cost_follows_what_is_typed_and_ctrl_enter_runs(visit, url, sealed):  # noqa: F811
    tab = visit()
    tab.go(url)
    at_most = tab.page.locator("#cost dd").first
    before = at_most.text_content()
    with tab.page.expect_response("**/cost/"):
        tab.page.get_by_label("product").fill("a bluer cup indeed")
    tab.page.wait_for_function(
        "before => document.querySelector('#cost dd').textContent !== before", arg=before
    )
    assert not Run.objects.exists()

    tab.page.get_by_label("product").press("Control+Enter")
    tab.page.get_by_role("heading", name="Answers").wait_for()

    assert Run.objects.get().values == {"product": "a bluer cup indeed"}
    assert tab.problems == []


def test_fields_follow_the_versions_and_keep_what_was_typed(visit, url, prompt, sealed):  # noqa: F811
    declared = CONTENT["variables"] | {"tone": {"type": "string", "required": False}}
    make_draft(prompt, content(variables=declared))
    tab = visit()
    tab.go(url + "?version=1")
    tab.page.get_by_label("product").fill("a typed cup")

    tab.page.get_by_label("Version 2").select_option(index=1)
    tab.page.get_by_label("tone").wait_for()

    assert tab.page.get_by_label("product").input_value() == "a typed cup"
    assert tab.problems == []


def test_answers_come_into_the_page(visit, prompt, sealed, admin_user):  # noqa: F811
    """The page's clock stands still but when the test moves it: both use one connection."""
    run = run_it(prompt, sealed, sealed, by=admin_user)
    first, second = Job.objects.order_by("id")
    Job.objects.filter(pk=first.pk).update(status="running", lease_until=first.deadline)
    redis_client().set(f"{live.KEY}{first.pk}", "Half an ans")
    tab = visit()
    tab.page.clock.install(time=timezone.now())
    tab.page.clock.pause_at(timezone.now() + timedelta(minutes=1))
    tab.go(run_url(run))
    look_again(tab)
    assert tab.page.locator("#column-1").get_by_text("Half an ans").is_visible()

    end_job(first, "Half an answer.")
    end_job(second, None)
    look_again(tab)

    tab.page.get_by_text("2 of 2 ended.").wait_for()
    assert tab.page.locator("#column-1").get_by_text("Half an answer.").is_visible()
    assert tab.page.locator("#column-2").get_by_text("It broke.").is_visible()
    assert tab.page.get_by_role("button", name="Stop").count() == 0
    assert tab.problems == []


def test_what_a_run_held_is_left_again_when_it_ends(visit, prompt, sealed, admin_user):  # noqa: F811
    run = run_it(prompt, sealed, by=admin_user)
    budget = budget_of_playground()
    begin, end = bounds_now([budget], timezone.now())[budget.pk]
    window = Window.objects.create(
        budget=budget, starts_at=begin, ends_at=end, hard=True, held_pico=PICO,
        limit_pico=budget.limit_pico,
    )  # fmt: skip
    tab = visit()
    tab.page.clock.install(time=timezone.now())
    tab.page.clock.pause_at(timezone.now() + timedelta(minutes=1))
    tab.go(run_url(run))
    cost = tab.page.locator("#cost")
    cost.get_by_text("$1.00 held for calls under way").wait_for()

    end_job(Job.objects.get(), "An answer.")
    Window.objects.filter(pk=window.pk).update(held_pico=0)
    with tab.page.expect_response("**/cost/"):
        look_again(tab)

    cost.get_by_text("held for calls under way").wait_for(state="detached")
    assert tab.problems == []


def look_again(tab):
    with tab.page.expect_response("**/columns/") as answer:
        tab.page.clock.run_for(1_000)
    answer.value.finished()


def test_without_scripts_the_buttons_do_it(browser, server, url, sealed, admin_user):  # noqa: F811
    client = Client()
    client.force_login(admin_user)
    session = client.cookies["sessionid"].value
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "sessionid", "value": session, "url": server}])
    page = context.new_page()
    page.goto(server + url)

    page.get_by_label("product").fill("a plain cup")
    page.get_by_role("button", name="What would it cost?").last.click()
    page.get_by_text("At most").first.wait_for()
    page.get_by_role("button", name="Run").last.click()
    page.get_by_role("heading", name="Answers").wait_for()
    page.wait_for_load_state("load")
    end_job(Job.objects.get(), "A plain answer.")
    page.get_by_text("A plain answer.").wait_for()  # the page comes again by itself

    assert Run.objects.get().values == {"product": "a plain cup"}
    context.close()
