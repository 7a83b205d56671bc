"""The pages of evaluation, as people with and without permission use them."""

from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from apps.core.clock import db_now
from apps.evals.models import Case, DatasetVersion, EvalRun, Review
from apps.evals.services.datasets import draft_version
from tests.evals.conftest import browser, make_suite, make_version
from tests.evals.runs import end_jobs, run_through, start, step, variables_of


@pytest.fixture
def desk(engineer):
    return browser(engineer)


def url(model, *args, action=""):
    name = "action" if action else "change" if args else "changelist"
    return reverse(f"admin:evals_{model}_{name}", args=[*args, *([action] if action else [])])


def text(response):
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def test_a_file_is_shown_first_and_then_imported(desk, dataset):
    page = url("dataset", dataset.pk, action="import_from_file")
    assert "key,product,customer,price,expected,tags,must_pass" in text(desk.get(page))

    shown = text(desk.post(page, {"text": "key,product\r\na,A mug\r\n"}))
    assert "Import 1 cases" in shown
    assert not Case.objects.exists()

    done = desk.post(page, {"text": "key,product\r\na,A mug\r\n", "confirmed": "1"})
    assert done.status_code == 302
    assert Case.objects.get().variables == {"product": "A mug"}


def test_faults_are_shown_by_line_and_field(desk, dataset):
    page = url("dataset", dataset.pk, action="import_from_file")
    file = SimpleUploadedFile("cases.csv", b"key,product,price\na,,x\nb,mug,2\n")

    shown = text(desk.post(page, {"file": file}))

    assert "Nothing was imported" in shown
    assert "/variables/price" in shown
    assert "Must be a number, not “x”." in shown


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({}, "Choose a file, or paste its text."),
        ({"file": SimpleUploadedFile("a.csv", b"\xff\xfe")}, "Not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(desk, dataset, given, fault):
    shown = text(desk.post(url("dataset", dataset.pk, action="import_from_file"), given))

    assert fault in shown


def test_a_case_has_a_field_for_each_variable(desk, dataset):
    draft = draft_version(dataset=dataset, by=None)
    page = reverse("admin:evals_case_add") + f"?version={draft.pk}"
    form = text(desk.get(page))
    assert all(f'name="variable_{name}"' in form for name in ("product", "price", "customer"))

    faulty = text(
        desk.post(page, {"key": "a", "variable_price": '"x"', "tags": "", "expected": ""})
    )
    assert "Missing: the prompt needs it." in faulty
    assert "Must be a number, not a string." in faulty

    values = {"variable_product": "A mug", "variable_price": "2.5", "expected": '["mug"]'}
    desk.post(page, values | {"key": "a", "tags": "x, y", "must_pass": "on"})
    case = Case.objects.get()
    assert (case.key, case.variables, case.expected, case.tags, case.must_pass) == (
        "a", {"product": "A mug", "price": 2.5}, ["mug"], ["x", "y"], True,
    )  # fmt: skip

    changed = values | {"variable_product": "A cup", "tags": ""}
    assert desk.post(url("case", case.pk), changed).status_code == 302
    case.refresh_from_db()
    assert (case.variables["product"], case.tags, case.must_pass) == ("A cup", [], False)


def test_publishing_and_a_new_draft(desk, dataset):
    draft = draft_version(dataset=dataset, by=None)
    Case.objects.create(version=draft, key="a", variables={"product": "A mug"})

    desk.post(url("dataset", dataset.pk, action="publish_draft"), {"note": "First."})
    assert DatasetVersion.objects.get().published_at is not None
    case = Case.objects.get()
    assert 'name="variable_product"' not in text(desk.get(url("case", case.pk)))

    desk.post(url("dataset", dataset.pk), {"new_draft": "1"})
    assert f"{dataset} v2 · draft" in text(desk.get(url("dataset", dataset.pk)))
    assert DatasetVersion.objects.get(published_at=None).cases.count() == 1


def run_values(plan, **changes):
    values = {
        "version": plan.version.pk,
        "dataset_version": plan.dataset_version.pk,
        "suite": plan.suite.pk,
        "service": plan.service.pk,
        "repeats": 1,
        "cost_cap": "0.5",
    }
    return values | changes


def test_the_price_is_shown_before_a_run_starts(desk, plan):
    page = url("dataset", plan.dataset_version.dataset_id, action="run")

    shown = text(desk.post(page, run_values(plan)))
    assert "What it costs at most" in shown
    assert not EvalRun.objects.exists()

    started = desk.post(page, run_values(plan, start="1"))
    run = EvalRun.objects.get()
    assert started["Location"] == url("evalrun", run.pk)
    assert (run.cost_cap_pico, run.started_by.username) == (5 * 10**11, "engineer")


def test_what_stands_against_a_run_is_told(desk, plan):
    plan.suite.assertions.update(kind="regex", value="(")
    page = url("dataset", plan.dataset_version.dataset_id, action="run")

    shown = text(desk.post(page, run_values(plan)))

    assert "It cannot run like this" in shown
    assert "RE2 does not take it" in shown


def test_the_page_of_a_run(desk, plan):
    run = run_through(replace(plan, repeats=2), lambda job: "It is red.")

    shown = text(desk.get(url("evalrun", run.pk)))
    assert "50.0%" in shown
    assert "Lacks: blue." in shown
    assert "All 2 repeats pass" in shown
    only = text(desk.get(url("evalrun", run.pk), {"only": "failed"}))
    assert (">red</a>" in shown, ">red</a>" in only) == (True, False)
    case = run.results.get(case__key="blue", repeat=1).case
    assert "It is red." in text(desk.get(url("evalrun", run.pk), {"case": case.pk}))


def test_cancel_and_resume(desk, plan):
    run = step(start(plan))
    desk.post(url("evalrun", run.pk, action="cancel"), {"reason": "Wrong suite."})
    assert step(run).status == "cancelled"

    desk.post(url("evalrun", run.pk, action="resume"), {"cost_cap": ""})

    run.refresh_from_db()
    assert run.status == "starting"


def test_two_runs_side_by_side(desk, plan, prompt):
    newer = make_version(prompt, messages=[{"role": "user", "content": "{{ product }}?"}])
    old = run_through(plan, lambda job: "It is red.\nIt is blue.")
    new = run_through(replace(plan, version=newer), lambda job: "It is red.\nIt is green.")
    page = reverse("admin:evals_compare", args=[new.pk, old.pk])

    shown = text(desk.get(page))
    assert "Not enough evidence" in shown
    assert "cases are needed" in shown
    assert shown.index(">blue</a>") < shown.index(">red</a>")  # what got worse comes first
    only = text(desk.get(page, {"only": "differences"}))
    assert ">red</a>" not in only
    blue = new.results.get(case__key="blue").case
    detail = text(desk.get(page, {"case": blue.pk}))
    assert "<ins>It is green.</ins>" in detail
    assert page in text(desk.get(url("evalrun", new.pk)))


def test_a_case_that_must_pass_is_named(desk, plan, prompt):
    newer = make_version(prompt, messages=[{"role": "user", "content": "{{ product }}?"}])
    old = run_through(plan, lambda job: "red blue")
    new = run_through(replace(plan, version=newer), lambda job: "blue")

    shown = text(desk.get(reverse("admin:evals_compare", args=[new.pk, old.pk])))

    assert "A case that must pass fails" in shown
    assert "These cases block alone: red" in shown


def test_runs_that_asked_something_else_are_not_compared(desk, plan):
    one = run_through(plan, lambda job: "red")
    other = run_through(
        replace(plan, suite=make_suite({"kind": "is-json"}, slug="json")), lambda job: "red"
    )

    shown = text(desk.get(reverse("admin:evals_compare", args=[one.pk, other.pk])))

    assert "did not ask the same" in shown
    assert desk.get(reverse("admin:evals_compare", args=[one.pk, one.pk])).status_code == 404


@pytest.fixture
def waiting(plan):
    suite = make_suite({"kind": "human", "value": "Is it kind?"}, slug="people")
    return run_through(replace(plan, suite=suite), lambda job: "Dear you")


def test_reviewing_one_after_the_other(desk, waiting):
    assert "Review the next of 2" in text(desk.get(url("review")))
    first = desk.post(reverse("admin:evals_review_next"))
    shown = text(desk.get(first["Location"]))
    assert "Is it kind?" in shown
    assert "product-text" not in shown.split('<div id="content"')[1]  # nothing tells the version

    second = desk.post(first["Location"], {"score": "1.0", "comment": "Warm."})
    last = desk.post(second["Location"], {"score": "0.0", "comment": ""})

    assert last["Location"] == url("review")
    assert sorted(Review.objects.values_list("score", flat=True)) == [0, 1]
    assert set(waiting.results.values_list("passed", flat=True)) == {True, False}


def test_what_somebody_else_looks_at_is_not_shown(desk, waiting, approver):
    mine = browser(approver).post(reverse("admin:evals_review_next"))["Location"]

    refused = desk.get(mine, follow=True)

    assert "pprover is looking at it until" in text(refused)


@pytest.mark.parametrize("role", ["operator", "auditor", "service-developer"])
def test_who_only_reads_starts_decides_and_imports_nothing(waiting, role):
    from tests.evals.conftest import make_person

    reader = browser(make_person("reader", role))
    dataset = waiting.dataset_version.dataset_id
    assert reader.get(url("evalrun", waiting.pk)).status_code == 200
    for forbidden in (
        url("dataset", dataset, action="run"),
        url("dataset", dataset, action="import_from_file"),
        url("dataset", dataset, action="add_past"),
        url("dataset", dataset, action="publish_draft"),
        url("evalrun", waiting.pk, action="resume"),
        reverse("admin:evals_review_next"),
        reverse("admin:evals_review_decide", args=[Review.objects.first().pk]),
    ):
        assert reader.post(forbidden, {"confirmed": "1"}).status_code == 403, forbidden
    reader.post(url("dataset", dataset), {"new_draft": "1"})
    assert DatasetVersion.objects.count() == 1


def test_lists_ask_few_questions(desk, plan, django_assert_max_num_queries):
    for _ in range(3):
        run_through(plan, lambda job: "red")
    for page in (url("dataset"), url("suite"), url("evalrun"), url("case"), url("review")):
        with django_assert_max_num_queries(15):
            assert desk.get(page).status_code == 200
    with django_assert_max_num_queries(25):
        desk.get(url("evalrun", EvalRun.objects.first().pk))


def test_an_open_run_shows_how_far_it_is(desk, plan):
    run = step(start(plan))
    assert "<progress" in text(desk.get(url("evalrun", run.pk)))
    end_jobs(lambda job: variables_of(job)["product"])
    step(run)
    assert "<progress" not in text(desk.get(url("evalrun", run.pk)))


def test_past_calls_are_offered_masked(desk, dataset, settings):
    from datetime import timedelta

    from apps.jobs.models import Job, JobPayload
    from tests.factories import make_service

    now = db_now()
    job = Job.objects.create(
        service=make_service(), fingerprint="0" * 64, request_id="req_test", model="small",
        prompt="product-text", status="succeeded", created_at=now, finished_at=now,
        next_run_at=now, deadline=now + timedelta(hours=1),
    )  # fmt: skip
    variables = {"product": "a mug", "customer": "Zoe Quirke"}
    JobPayload.objects.create(job=job, request={"variables": variables}, result={"text": "Hi"})
    page = url("dataset", dataset.pk, action="add_past")

    shown = text(desk.get(page))
    assert "a mug" in shown
    assert "Zoe Quirke" not in shown
    desk.post(page, {"calls": [str(job.pk)], "reason": "A complaint."})
    assert Case.objects.get().variables == {"product": "a mug", "customer": "[customer]"}
