"""A run from its quote to its end, whatever happens on the way."""

from dataclasses import replace

import pytest
from django.db import DatabaseError, connection, transaction

from apps.budgets.models import Budget
from apps.core.clock import db_now
from apps.core.money import PICO
from apps.evals.errors import EvalError
from apps.evals.models import EvalResult, EvalRun, RunStatus
from apps.evals.selectors import progress_of
from apps.evals.services import advancing
from apps.evals.services.runs import cancel_run, quote_run, resume_run, start_run
from apps.jobs.models import Batch, Job
from tests.evals.conftest import case, make_cases, make_suite, make_version
from tests.evals.runs import end_job, end_jobs, run_through, start, step, variables_of


def echo(job):
    return variables_of(job)["product"]


def results(run):
    rows = run.results.order_by("case__key", "repeat")
    return list(rows.values_list("case__key", "state", "passed"))


def test_a_run_from_start_to_end(plan):
    run = run_through(plan, lambda job: "It is red.")

    assert run.status == RunStatus.FINISHED
    assert results(run) == [("blue", "graded", False), ("red", "graded", True)]
    found = run.results.get(case__key="blue")
    assert found.outcomes == [{"score": 0.0, "reason": "Lacks: blue."}]
    assert (found.answer, found.cost_pico, found.input_tokens) == ("It is red.", 7, 5)
    assert progress_of(run).spent_pico == 14


def test_calls_are_evaluations_bear_the_runs_tag_and_bypass_the_cache(plan):
    run = step(start(plan))

    for job in Job.objects.select_related("service", "payload"):
        assert (job.service.purpose, job.priority, job.notify) == ("evaluation", 9, False)
        assert job.payload.request["context"] == [run.budget]
        assert job.payload.request["cache"] == "bypass"
        assert job.prompt_version_id == plan.version.pk


def test_the_cap_is_a_hard_budget_that_each_process_knows_before_a_call_is_sent(plan):
    run = start(plan, cap=123, age=0 * advancing.BUDGET_KNOWN)

    budget = Budget.objects.get(slug=run.budget)
    assert (budget.limit_pico, budget.hard, budget.period, budget.tag) == (
        123, True, "lifetime", run.budget,
    )  # fmt: skip
    assert step(run, 3).status == RunStatus.STARTING
    assert not Job.objects.exists()


def test_the_budget_ends_with_the_run(plan):
    run = run_through(plan, echo)

    assert not Budget.objects.get(slug=run.budget).active


def test_the_quote_bounds_what_holds_take(plan):
    quote = quote_run(plan=replace(plan, repeats=3))

    longest = max(len(f"Describe {c.variables['product']}.") for c in _cases(plan))
    assert quote.answers == 6
    assert 6 * 60 * 200 < quote.at_most_pico <= 6 * ((longest + 100) * 100 + 60 * 200)
    assert not Job.objects.exists()


def _cases(plan):
    return plan.dataset_version.cases.all()


def test_repeats_each_get_an_answer_of_their_own(plan):
    run = run_through(replace(plan, repeats=3), echo)

    assert [(key, passed) for key, _, passed in results(run)] == [
        *[("blue", True)] * 3, *[("red", True)] * 3,
    ]  # fmt: skip
    assert Job.objects.count() == 6


def test_a_call_without_an_answer_is_neither_passed_nor_failed(plan):
    run = run_through(plan, lambda job: None if "red" in echo(job) else echo(job))

    assert run.status == RunStatus.FINISHED
    assert results(run) == [("blue", "graded", True), ("red", "failed", None)]
    assert run.results.get(case__key="red").error_code == "upstream_error"


def test_resuming_asks_only_for_what_is_missing(plan):
    run = run_through(plan, lambda job: None if "red" in echo(job) else echo(job))

    resume_run(run=run, now=db_now() - advancing.BUDGET_KNOWN)
    step(run)
    assert Budget.objects.get(slug=run.budget).active
    assert end_jobs(echo) == 1
    step(run)

    assert run.status == RunStatus.FINISHED
    assert results(run) == [("blue", "graded", True), ("red", "graded", True)]


def test_what_is_complete_is_not_resumed(plan):
    run = run_through(plan, echo)

    with pytest.raises(EvalError, match="Nothing is missing"):
        resume_run(run=run, now=db_now())


def test_cancelling_keeps_what_is_answered(plan):
    run = step(start(plan))
    end_job(Job.objects.order_by("batch_index")[0], "red")

    cancel_run(run=run, reason="Wrong suite.")
    step(run)

    assert (run.status, run.outcome) == (RunStatus.CANCELLED, "Wrong suite.")
    assert results(run) == [("blue", "failed", None), ("red", "graded", True)]
    assert set(Job.objects.values_list("status", flat=True)) == {"succeeded", "cancelled"}
    with pytest.raises(EvalError, match="has ended"):
        cancel_run(run=run, reason="Again.")


def test_a_run_that_was_not_sent_yet_can_be_cancelled(plan):
    run = start(plan)
    cancel_run(run=run, reason="Wrong suite.")

    assert step(run).status == RunStatus.CANCELLED
    assert not Job.objects.exists()


def test_it_stops_when_no_call_fits_the_cap(plan):
    run = step(start(plan, cap=1))
    waiting = {"error_code": "budget_exceeded", "error": f"Budget “{run.budget}” is used up."}
    first, second = Job.objects.order_by("batch_index")
    Job.objects.filter(pk=second.pk).update(**waiting)
    assert step(run).status == RunStatus.ANSWERING  # the other may give room back
    end_job(first, "red")

    step(run, 2)

    assert run.status == RunStatus.CAPPED
    assert run.outcome == f"No room is left for 1 calls. Budget “{run.budget}” is used up."
    resume_run(run=run, cost_cap_pico=PICO, now=db_now() - advancing.BUDGET_KNOWN)
    assert Budget.objects.get(slug=run.budget).limit_pico == PICO
    step(run)
    end_jobs(echo)
    assert step(run).status == RunStatus.FINISHED


def test_a_crash_between_any_two_writes_leaves_nothing_half_done(plan, monkeypatch):
    """A step is one transaction: who dies inside it has never begun."""
    run = start(plan)
    before = Job.objects.count(), Batch.objects.count()
    monkeypatch.setattr(EvalRun, "save", _die)
    with pytest.raises(_Killed):
        advancing.advance(run_id=run.pk)
    monkeypatch.undo()
    assert (Job.objects.count(), Batch.objects.count()) == before


class _Killed(BaseException):
    pass


def _die(*_, **__):
    raise _Killed


def test_what_a_run_asks_cannot_change(plan):
    run = start(plan)

    for change in ({"checks": []}, {"repeats": 2}, {"quote_pico": 0}, {"threshold": 0.0}):
        with pytest.raises(DatabaseError), transaction.atomic():
            EvalRun.objects.filter(pk=run.pk).update(**change)


def test_one_result_for_each_case_and_repeat(plan):
    run = start(plan)
    first = run.results.first()

    with pytest.raises(DatabaseError), transaction.atomic():
        EvalResult.objects.create(run=run, case=first.case, repeat=first.repeat)


def test_a_changed_suite_does_not_change_a_run(plan):
    run = step(start(plan))
    plan.suite.assertions.all().delete()
    end_jobs(echo)

    assert [passed for _, _, passed in results(step(run))] == [True, True]


def test_every_fault_is_told_and_nothing_is_stored(plan, prompt):
    from apps.prompts import services as prompts

    draft = prompts.new_draft(prompt=prompt, based_on=plan.version, by=None)
    suite = make_suite({"kind": "regex", "value": "("}, {"kind": "length"}, slug="bad")
    wrong = replace(plan, version=draft, suite=suite, repeats=21)

    with pytest.raises(EvalError) as error:
        start_run(plan=wrong, cost_cap_pico=0, by=None, now=db_now())

    assert [fault.pointer for fault in error.value.faults] == [
        "/version", "/repeats", "/suite/1/value", "/suite/2/maximum", "/cost_cap",
    ]  # fmt: skip
    assert not EvalRun.objects.exists()
    assert not Budget.objects.exists()


def test_cases_that_a_version_cannot_answer_are_named(plan, prompt):
    newer = make_version(
        prompt,
        messages=[{"role": "user", "content": "{{ product }} {{ tone }}"}],
        variables={
            "product": {"type": "string", "required": True},
            "tone": {"type": "string", "required": True},
        },
    )

    faults = quote_run(plan=replace(plan, version=newer)).faults

    assert [fault.pointer for fault in faults] == [
        "/cases/red/variables/tone", "/cases/blue/variables/tone",
    ]  # fmt: skip


def test_an_older_version_that_knows_fewer_variables_can_still_answer(plan, prompt):
    version = make_cases(
        plan.dataset_version.dataset, case("x", key="x", expected="x"), *_priced_case()
    )
    older = make_version(
        prompt,
        messages=[{"role": "user", "content": "{{ product }}"}],
        variables={"product": {"type": "string", "required": True}},
    )

    assert not quote_run(plan=replace(plan, version=older, dataset_version=version)).faults


def _priced_case():
    return [replace(case("y", key="y", expected="y"), variables={"product": "y", "price": 2})]


def test_without_a_price_nothing_starts(plan):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM registry_price")
        cursor.execute("SET session_replication_role = origin")

    assert {fault.code for fault in quote_run(plan=plan).faults} == {"unpriced"}


def test_cases_must_expect_something_where_checks_compare(plan, dataset):
    version = make_cases(dataset, case("x", key="x"))

    (fault,) = quote_run(plan=replace(plan, dataset_version=version)).faults

    assert fault.detail == "These cases expect nothing, but “Contains all” compares with it: x."
