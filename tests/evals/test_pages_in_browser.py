"""The pages of evaluation in a real browser: policy, accessibility, a phone, and a way by hand."""

from dataclasses import replace

import pytest
from django.urls import reverse

from apps.evals.models import EvalRun, Review
from apps.evals.services.datasets import draft_version
from tests.dashboard.conftest import admin_user, browser, server, visit  # noqa: F401
from tests.evals.conftest import make_suite, make_version
from tests.evals.runs import run_through

pytestmark = [pytest.mark.browser, pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def pages(plan, prompt):
    """Two runs to compare, one with reviews, and a draft."""
    newer = make_version(prompt, messages=[{"role": "user", "content": "{{ product }}?"}])
    checks = ({"kind": "contains-all"}, {"kind": "human", "value": "Is it kind?"})
    suite = make_suite(*checks, slug="people", threshold=0.5)
    old = run_through(replace(plan, suite=suite), lambda job: "It is red.")
    new = run_through(replace(plan, suite=suite, version=newer), lambda job: "It is blue.")
    plain = [
        run_through(replace(plan, version=v), lambda job: "red") for v in (plan.version, newer)
    ]
    draft = draft_version(dataset=plan.dataset_version.dataset, by=None)
    dataset = plan.dataset_version.dataset_id
    case = plain[0].results.first().case_id

    def change(model, pk):
        return reverse(f"admin:evals_{model}_change", args=[pk])

    return [
        *(reverse(f"admin:evals_{name}_changelist") for name in (
            "dataset", "suite", "evalrun", "review", "requirement", "case",
        )),
        change("dataset", dataset),
        change("suite", suite.pk),
        change("evalrun", old.pk),
        change("evalrun", plain[0].pk) + f"?case={case}",
        change("case", draft.cases.first().pk),
        reverse("admin:evals_dataset_action", args=[dataset, "import_from_file"]),
        reverse("admin:evals_dataset_action", args=[dataset, "run"]),
        reverse("admin:evals_dataset_action", args=[dataset, "publish_draft"]),
        reverse("admin:evals_compare", args=[plain[1].pk, plain[0].pk]) + f"?case={case}",
        reverse("admin:evals_review_decide", args=[Review.objects.filter(result__run=new)[0].pk]),
        reverse("admin:evals_suite_add"),
    ]  # fmt: skip


def test_no_page_breaks_policy_or_accessibility(visit, pages):  # noqa: F811
    tab = visit()

    assert tab.unreadable(pages) == []
    assert tab.problems == []


def test_from_a_file_to_a_run_by_hand(visit, plan):  # noqa: F811
    tab = visit()
    tab.go(reverse("admin:evals_dataset_change", args=[plan.dataset_version.dataset_id]))
    tab.page.get_by_role("link", name="Import…").click()
    tab.page.get_by_label("Or paste it").fill("key,product,expected\ngreen,a green cup,green\n")
    tab.page.get_by_role("button", name="Show what would happen").click()
    tab.page.get_by_role("button", name="Import 1 cases").click()
    tab.page.get_by_text("The cases are in the draft products v2.").wait_for()

    tab.page.get_by_role("link", name="Publish draft…").click()
    tab.page.get_by_label("Note").fill("A third colour.")
    tab.page.get_by_role("button", name="Publish").click()
    tab.page.get_by_text("products v2 is published.").wait_for()

    tab.page.get_by_role("link", name="Run…").click()
    tab.page.get_by_role("button", name="What would it cost?").click()
    tab.page.get_by_role("button", name="Start the run").click()
    tab.page.get_by_text("has started.").wait_for()

    run = EvalRun.objects.get()
    assert (run.total, run.dataset_version.number) == (3, 2)
    assert tab.problems == []
