"""What budgets do when a hold does not fit: refuse, let jobs wait, a cheaper model, a shorter
answer. Decided with the admission, in one transaction."""

from dataclasses import replace

import pytest

from apps.budgets.models import Hold, Window
from apps.budgets.services import settle_all
from apps.budgets.types import BudgetExceeded, Held, OutputTerms, Resolution
from tests.budgets.conftest import NOW, SHOP, held, hold, make_budget, request

pytestmark = pytest.mark.django_db
TERMS = OutputTerms(input_pico=20, token_pico=2)


def cheap(amount, **values):
    return {"nano": request(amount, scope=replace(SHOP, model="nano"), **values)}


def holding():
    return dict(Window.objects.values_list("budget__slug", "held_pico"))


def test_by_default_it_is_refused_even_where_less_would_fit():
    make_budget(limit_pico=100)

    answer = hold(200, output=TERMS, cheaper=cheap(10))

    assert isinstance(answer, BudgetExceeded)
    assert not answer.jobs_wait
    assert holding() == {"shop-monthly": 0}


def test_jobs_wait_where_the_budget_lets_them():
    make_budget(limit_pico=100, on_exceeded="queue")
    held(80)

    assert hold(30).jobs_wait
    assert not hold(101).jobs_wait  # it would never fit
    assert not hold(1, priced=False).jobs_wait


def test_the_cheaper_model_is_held_in_its_own_windows():
    make_budget("all", limit_pico=100, on_exceeded="cheaper", cheaper_model="nano")
    make_budget("mini-only", limit_pico=1000, model="gpt-mini")
    make_budget("nano-only", limit_pico=1000, model="nano")
    wanted = request(200)
    instead = replace(wanted, amount_pico=30, scope=replace(SHOP, model="nano"))

    answer = hold(200, id=wanted.id, cheaper={"nano": instead})

    assert answer.cheaper_model == "nano"
    assert holding() == {"all": 30, "mini-only": 0, "nano-only": 30}
    assert Hold.objects.get().amount_pico == 30


def test_what_fits_is_not_degraded():
    make_budget(limit_pico=200, on_exceeded="cheaper", cheaper_model="nano")
    make_budget("short", limit_pico=200, on_exceeded="cap", min_output_tokens=1)

    answer = hold(200, output=TERMS, cheaper=cheap(10))

    assert (answer.cheaper_model, answer.output_cap) == ("", None)


def test_a_cheaper_model_that_fits_nowhere_is_no_way_out():
    make_budget("all", limit_pico=100, on_exceeded="cheaper", cheaper_model="nano")
    make_budget("nano-only", limit_pico=20, model="nano")

    answer = hold(200, cheaper=cheap(30))

    assert isinstance(answer, BudgetExceeded)
    assert answer.budget == "all"
    assert holding() == {"all": 0, "nano-only": 0}


def test_an_unpriced_cheaper_model_is_refused():
    make_budget(limit_pico=100, on_exceeded="cheaper", cheaper_model="nano")

    assert isinstance(hold(200, cheaper=cheap(0, priced=False)), BudgetExceeded)


def test_the_answer_is_shortened_to_what_is_affordable():
    make_budget(limit_pico=101, on_exceeded="cap", min_output_tokens=40)

    answer = hold(220, output=TERMS)

    assert answer.output_cap == 40  # 20 + 40 * 2 = 100 of 101
    assert holding() == {"shop-monthly": 100}


def test_an_answer_too_short_to_be_of_use_is_refused():
    make_budget(limit_pico=101, on_exceeded="cap", min_output_tokens=41)

    assert isinstance(hold(220, output=TERMS), BudgetExceeded)
    assert holding() == {"shop-monthly": 0}


def test_the_tightest_of_nested_budgets_sets_the_length():
    make_budget("team", limit_pico=150, on_exceeded="cap", min_output_tokens=10)
    make_budget("service", limit_pico=120, on_exceeded="cap", min_output_tokens=20)
    make_budget("soft", limit_pico=1, hard=False)

    answer = hold(220, output=TERMS)

    assert (answer.output_cap, answer.overrun_soft) == (50, ("soft",))
    assert set(holding().values()) == {120}


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        (("refuse",), "refused"),
        (("queue",), "waits"),
        (("cheaper",), "nano"),
        (("cheaper", "queue"), "waits"),
        (("cheaper", "refuse"), "refused"),
    ],
)
def test_the_strictest_of_those_that_refuse_decides(others, expected):
    make_budget("cap", limit_pico=100, on_exceeded="cap", min_output_tokens=1)
    for number, action in enumerate(others):
        cheaper = "nano" if action == "cheaper" else ""
        make_budget(f"b{number}", 100, on_exceeded=action, cheaper_model=cheaper)

    held(1)
    answer = hold(100, output=TERMS, cheaper=cheap(10))

    if isinstance(answer, Held):
        assert answer.cheaper_model == expected
    else:
        assert answer.jobs_wait == (expected == "waits")


def test_a_shortened_call_settles_like_any_other():
    make_budget(limit_pico=100, on_exceeded="cap", min_output_tokens=1)
    answer = hold(220, output=TERMS)

    settle_all(resolutions=[Resolution(answer.id, 60)], now=NOW)

    window = Window.objects.get()
    assert (window.posted_pico, window.held_pico, window.overrun_pico) == (60, 0, 0)
