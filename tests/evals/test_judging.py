"""Judges: asked through the gateway like everybody, pinned, and not led by the order of a pair."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.clock import db_now
from apps.evals.judging import JUDGED_BYTES, of_both_orders, read_verdict, variables_for
from apps.evals.models import Judgement, RunStatus
from apps.evals.selectors import agreement_of
from apps.evals.services import advancing, reviews
from apps.evals.services.runs import quote_run, resume_run
from apps.evals.types import Check
from apps.jobs.models import Job
from apps.prompts.types import Variable
from tests.evals.conftest import judge, make_suite
from tests.evals.runs import end_jobs, run_through, start, step, variables_of

RUBRIC = Check("judge-rubric", value="Is it kind?")
PAIR = Check("judge-pairwise", value="Which is kinder?")


@pytest.fixture
def rubric_plan(plan):
    """A judge scores each answer; from 0.7 it is good."""
    version = judge("kindness", names=("rubric", "question", "answer"))
    check = {"kind": "judge-rubric", "value": "Is it kind?", "judge": version, "threshold": 0.7}
    return replace(plan, suite=make_suite(check, slug="kind"))


def says(score):
    """Answers, and a judge's score for them: one number, or by the judged answer."""

    def say(job):
        given = variables_of(job)
        if "product" in given:
            return given["product"]
        found = score(given["answer"]) if callable(score) else score
        return f'Well. {{"score": {found}, "reason": "So kind."}}'

    return say


def test_a_judge_scores_each_answer_by_the_rubric(rubric_plan):
    run = run_through(rubric_plan, says(lambda text: 0.9 if "red" in text else 0.2))

    assert run.status == RunStatus.FINISHED
    assert dict(run.results.values_list("case__key", "passed")) == {"red": True, "blue": False}
    assert run.results.get(case__key="red").outcomes == [{"score": 1.0, "reason": "So kind."}]


def test_the_judge_is_a_pinned_version_and_sees_what_it_declares(rubric_plan):
    run = step(start(rubric_plan))
    end_jobs(says(1))
    step(run, 2)

    calls = Job.objects.filter(prompt="kindness").select_related("payload")
    version = rubric_plan.suite.assertions.get().judge
    assert run.status == RunStatus.JUDGING
    assert {(job.prompt_version_id, job.payload.request["context"][0]) for job in calls} == {
        (version.pk, run.budget)
    }
    assert variables_of(calls[0]).keys() == {"rubric", "question", "answer"}
    assert {variables_of(job)["question"] for job in calls} == {
        '{"product":"a red kettle"}', '{"product":"a blue mug"}',
    }  # fmt: skip


def test_judges_are_part_of_the_quote(rubric_plan, plan):
    alone, judged = quote_run(plan=plan), quote_run(plan=rubric_plan)

    assert (alone.judgements, judged.judgements) == (0, 2)
    assert judged.judgements_pico >= 2 * min(JUDGED_BYTES, 8192) * 100


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("It is kind.", "The judge gave no JSON object, but “It is kind.”."),
        ('{"score": 7}', "The judge scored 7, not from 0 to 1."),
        ('{"score": true}', "The judge scored True, not from 0 to 1."),
        (None, "The judge gave no answer: It broke."),
    ],
)
def test_no_judgement_leaves_the_answer_undecided_until_it_is_resumed(rubric_plan, text, reason):
    def say(job):
        return says(1)(job) if "product" in variables_of(job) else text

    run = run_through(rubric_plan, say)
    assert (run.status, set(run.results.values_list("passed", flat=True))) == ("finished", {None})
    assert set(Judgement.objects.values_list("reason", flat=True)) == {reason}

    resume_run(run=run, now=db_now() - advancing.BUDGET_KNOWN)
    step(run, 2)
    while end_jobs(says(1)):
        step(run)
    assert set(run.results.values_list("passed", flat=True)) == {True}


def test_a_prompt_that_does_not_keep_the_contract_is_no_judge(plan):
    version = judge("other", names=("rubric", "tone"))
    check = {"kind": "judge-rubric", "value": "Kind?", "judge": version}

    faults = quote_run(plan=replace(plan, suite=make_suite(check, slug="kind"))).faults

    assert [fault.detail.split(",")[0] for fault in faults] == [
        "It needs the variable “answer” to judge this.", "It requires “tone”",
    ]  # fmt: skip


@pytest.fixture
def pair_plan(plan):
    version = judge("kinder", names=("rubric", "first", "second"))
    baseline = run_through(plan, lambda job: "old")
    check = {"kind": "judge-pairwise", "value": "Which is kinder?", "judge": version}
    return replace(plan, suite=make_suite(check, slug="pairs"), baseline=baseline)


@pytest.mark.parametrize(
    ("winner", "score", "reason"),
    [
        (lambda first: "first" if first == "new" else "second", 1.0, "Preferred in both orders."),
        (lambda first: "first", 0.5, "The preference changes with the order."),
        (lambda first: "tie", 0.5, "A tie in both orders."),
        (
            lambda first: "first" if first == "old" else "second",
            0.0,
            "The baseline is preferred in both orders.",
        ),
    ],
)
def test_a_pair_is_judged_in_both_orders(pair_plan, winner, score, reason):
    def say(job):
        given = variables_of(job)
        return "new" if "product" in given else f'{{"winner": "{winner(given["first"])}"}}'

    run = run_through(pair_plan, say)

    assert Judgement.objects.count() == 4
    found = [result.outcomes[0] for result in run.results.all()]
    assert found == [{"score": score, "reason": reason}] * 2


def test_pairs_need_a_baseline(pair_plan):
    (fault,) = quote_run(plan=replace(pair_plan, baseline=None)).faults

    assert fault.pointer == "/baseline"


@given(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0]))
def test_swapping_everything_turns_the_verdict_round(straight, swapped):
    mine, theirs = of_both_orders(straight, swapped), of_both_orders(swapped, straight)

    assert mine.score + theirs.score == 1


def test_long_texts_are_cut_to_what_the_judge_takes():
    declared = {
        "answer": Variable("answer"),
        "rubric": Variable("rubric", max_length=5),
    }

    found = variables_for(
        RUBRIC, declared, question={}, expected=None, answers={"answer": "ü" * 9999}
    )

    assert (len(found["answer"].encode()), found["rubric"]) == (JUDGED_BYTES, "Is it")


def test_a_winner_must_be_one_of_the_three():
    assert read_verdict(PAIR, '{"winner": "both"}').score is None


def test_a_judge_beside_people(rubric_plan, engineer):
    run = run_through(
        replace(rubric_plan, repeats=2), says(lambda text: 0.9 if "red" in text else 0.2)
    )
    assert reviews.sample_for_agreement(run=run, check_index=0, count=200) == 4
    assert reviews.sample_for_agreement(run=run, check_index=0, count=200) == 0
    people = {"red": [1, 0], "blue": [0, 0]}
    while (review := reviews.take_next(by=engineer, now=db_now())) is not None:
        score = people[review.result.case.key][review.result.repeat - 1]
        reviews.decide(review=review, by=engineer, score=score, comment="", now=db_now())

    (found,) = agreement_of(run)

    assert found.counts == {("good", "good"): 1, ("good", "bad"): 1, ("bad", "bad"): 2}
    assert (found.total, found.agreed, found.kappa) == (4, 3, 0.5)
    assert run.results.filter(case__key="red", passed=True).count() == 2  # the judge's word stands
