"""The queue of answers that people decide on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from apps.core.clock import db_now
from apps.evals.errors import EvalError
from apps.evals.models import Review
from apps.evals.services import reviews
from tests.evals.conftest import make_person, make_suite
from tests.evals.runs import run_through


@pytest.fixture
def run(plan):
    """Two answers, of which people say whether they are kind."""
    suite = make_suite({"kind": "human", "value": "Is it kind?"}, slug="people")
    return run_through(replace(plan, suite=suite), lambda job: "Dear you")


def decide(review, by, score=1.0, comment=""):
    return reviews.decide(review=review, by=by, score=score, comment=comment, now=db_now())


def test_a_finished_run_asks_people_and_their_word_is_the_grade(run, engineer):
    assert run.status == "finished"
    assert set(run.results.values_list("passed", flat=True)) == {None}
    first = reviews.take_next(by=engineer, now=db_now(), run=run)
    decide(first, engineer, comment="Warm.")
    decide(reviews.take_next(by=engineer, now=db_now(), run=run), engineer, score=0)

    assert reviews.take_next(by=engineer, now=db_now(), run=run) is None
    assert list(run.results.order_by("id").values_list("passed", flat=True)) == [True, False]
    assert run.results.order_by("id")[0].outcomes == [{"score": 1.0, "reason": "Warm."}]


def test_two_people_never_get_the_same_answer(run, engineer, approver):
    mine = reviews.take_next(by=engineer, now=db_now())
    theirs = reviews.take_next(by=approver, now=db_now())

    assert mine.pk != theirs.pk
    assert reviews.take_next(by=engineer, now=db_now()).pk == mine.pk
    with pytest.raises(EvalError, match="engineer is looking at it until"):
        decide(mine, approver)
    with pytest.raises(EvalError, match="is looking at it"):
        reviews.take(review=mine, by=approver, now=db_now())


def test_what_nobody_decides_in_time_is_free_again(run, engineer, approver):
    mine = reviews.take_next(by=engineer, now=db_now())
    later = db_now() + reviews.LOCK + timedelta(seconds=1)

    assert reviews.take(review=mine, by=approver, now=later).locked_by == approver


def test_one_can_be_skipped(run, engineer):
    first = reviews.take_next(by=engineer, now=db_now())

    assert reviews.take_next(by=engineer, now=db_now(), after=first.pk).pk != first.pk


def test_it_is_decided_once(run, engineer, approver):
    first = decide(reviews.take_next(by=engineer, now=db_now()), engineer)

    with pytest.raises(EvalError, match="decided on it already"):
        decide(first, approver, score=0)
    assert Review.objects.get(pk=first.pk).score == 1


@pytest.mark.parametrize("score", [-0.1, 1.1])
def test_a_score_lies_between_0_and_1(run, engineer, score):
    with pytest.raises(EvalError, match="From 0 to 1"):
        decide(reviews.take_next(by=engineer, now=db_now()), engineer, score=score)


def test_not_everybody_reviews(run):
    finance = make_person("money", "finance")

    with pytest.raises(EvalError, match="decide_review"):
        reviews.take_next(by=finance, now=db_now())
    with pytest.raises(EvalError, match="decide_review"):
        decide(Review.objects.first(), finance)
