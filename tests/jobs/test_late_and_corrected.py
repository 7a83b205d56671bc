"""Every door by which an amount changes later, against every other at the same moment: whoever
comes second waits for the first, and what is booked at the end is right for both."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from apps.budgets.models import Hold, Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import expire_holds, settle_all
from apps.budgets.types import Resolution
from apps.core.clock import db_now
from apps.gateway.accounts import Settlement, resolve_stale, settler
from apps.jobs.services.quarantine import resolve_entry
from apps.jobs.services.repricing import price_again
from apps.ledger.models import Attempt, Choice, Entry, QuarantineDecision
from apps.ledger.selectors import broken_entries
from apps.ledger.services import NotReversible, correct_entry, reverse_entry
from apps.registry.models import Deployment, UsageClass
from tests.budgets.conftest import held, make_budget
from tests.factories import make_price, make_priced_deployment
from tests.ledger.books import empty
from tests.ledger.conftest import NOW, SHOP, end_of, opened, prices, usage

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["opened"]
PRICES = prices(in_uncached=5, out_text=7)
HELD, ESTIMATE, TRUTH, DECIDED = 950, 950, 43, 7


@pytest.fixture
def start(transactional_db, opened):
    """A call that was sent, with its hold."""
    empty()
    make_budget(limit_pico=10**9)
    make_priced_deployment(slug=SHOP.deployment, input_pico=5, output_pico=7)
    return opened(id=held(HELD, now=NOW))


@pytest.fixture
def doors(start, transactional_db):
    """Name → what comes through it."""
    person = User.objects.create_user("fin")

    def late():
        report = usage({"in_uncached": 3, "out_text": 4})
        settle(end_of(start, usage=report, prices=PRICES))

    def resolve():
        entry = Entry.objects.get(kind="estimate")
        counts = {"out_text": 1}
        resolve_entry(entry_id=entry.pk, choice=Choice.COUNTS, counts=counts, reason="", by=person)

    def expire():
        expire_holds(now=Hold.objects.get().expires_at, limit=10)

    return {"late": late, "resolve": resolve, "expire": expire, "orphan": resolve_stale}


def settle(end, *, unknown=False):
    settler(None)([Settlement(end=end, unknown=unknown)])


def lose_sight(start):
    """The call's outcome is unknown: estimated at all that is held."""
    report = usage({"in_uncached": 50, "out_text": 100}, source="bound", raw=None)
    settle(
        end_of(start, status="unknown", usage=report, prices=PRICES, kind="estimate"), unknown=True
    )
    assert Entry.objects.get().amount_pico == ESTIMATE


def answer(door):
    try:
        door()
    except NotReversible:
        return "refused"
    return "done"


def in_another_connection(door):
    try:
        return answer(door)
    finally:
        connection.close()


def wait_until_blocked(other: "Future[str]") -> None:
    """Or until it is over: some don't wait for what is locked, they leave it alone."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not other.done():
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
    assert other.done()


def meet(first, second):
    """`second` begins when `first` has done its work and not yet committed it; their answers."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            one = answer(first)
            other = pool.submit(in_another_connection, second)
            wait_until_blocked(other)
        return one, other.result(timeout=60)


def posted():
    """What the budget counted, which is the sum of the entries; nothing is wrong anywhere."""
    assert verify_windows() == []
    assert broken_entries() == []
    window = Window.objects.get()
    assert sum(Entry.objects.values_list("amount_pico", flat=True)) == window.posted_pico
    return window.posted_pico, window.held_pico


@pytest.mark.parametrize(
    ("first", "second", "answers"),
    [
        ("late", "late", ("done", "done")),
        ("late", "resolve", ("done", "refused")),
        ("resolve", "late", ("done", "done")),
        ("late", "expire", ("done", "done")),
        ("expire", "late", ("done", "done")),
    ],
)
def test_the_truth_wins_over_an_estimate_however_late(start, doors, first, second, answers):
    lose_sight(start)

    assert meet(doors[first], doors[second]) == answers

    assert posted() == (TRUTH, 0)
    assert Entry.objects.filter(kind="late_charge").count() == 1
    assert Attempt.objects.get().status == "succeeded"


@pytest.mark.parametrize(
    ("first", "second", "amount"),
    [
        ("resolve", "expire", DECIDED),
        ("expire", "resolve", DECIDED),
        ("resolve", "resolve", DECIDED),
        ("expire", "expire", ESTIMATE),
    ],
)
def test_without_the_truth_a_decision_stands_and_the_hold_is_given_back_once(
    start, doors, first, second, amount
):
    lose_sight(start)

    answers = meet(doors[first], doors[second])

    assert answers == ("done", "refused" if first == second == "resolve" else "done")
    assert posted() == (amount, 0)
    assert QuarantineDecision.objects.count() == (amount == DECIDED)


@pytest.mark.parametrize(("first", "second"), [("orphan", "late"), ("late", "orphan")])
def test_a_call_given_up_for_dead_that_ends_is_charged_once(start, doors, first, second):
    meet(doors[first], doors[second])

    assert posted() == (TRUTH, 0)
    kinds = sorted(Entry.objects.values_list("kind", flat=True))
    expected = {"orphan": ["estimate", "late_charge", "reversal"], "late": ["charge"]}
    assert kinds == expected[first]


def test_after_an_expired_hold_the_truth_is_booked_beyond_it(start, doors):
    """Nothing was estimated: the hold ran out under a call that still ran."""
    doors["expire"]()
    assert posted() == (0, 0)

    doors["late"]()

    assert posted() == (TRUTH, 0)
    assert Window.objects.get().overrun_pico == TRUTH
    assert Hold.objects.get().status == "expired"


def test_a_late_truth_that_is_contested_waits_at_the_bound(start):
    lose_sight(start)
    report = usage({"in_uncached": 50, "out_text": 100}, source="bound", problem="99 is not 7")

    settle(end_of(start, usage=report, prices=PRICES, kind="conflict"))

    assert posted() == (HELD, 0)
    assert Entry.objects.get(kind="conflict").reason == "99 is not 7"


@pytest.mark.parametrize("how", ["correct", "reverse"])
def test_an_entry_is_corrected_once_and_its_correction_again(start, doors, how):
    doors["late"]()
    charge = Entry.objects.get()

    def change(entry, amount):
        now = db_now()
        words = {"reason": "r", "actor": "a", "now": now}
        if how == "reverse":
            reverse_entry(entry=entry, **words)
        else:
            correct_entry(entry=entry, amount_pico=amount, lines=[], **words)
        total = sum(Entry.objects.filter(attempt=start.id).values_list("amount_pico", flat=True))
        settle_all(resolutions=[Resolution(start.id, total)], now=now)

    answers = meet(
        transaction.atomic(lambda: change(charge, 10)),
        transaction.atomic(lambda: change(charge, 20)),
    )

    assert answers == ("done", "refused")
    assert posted() == (0 if how == "reverse" else 10, 0)
    newest = Entry.objects.order_by("-id").first()
    again = transaction.atomic(lambda: change(newest, 30))
    assert answer(again) == ("refused" if how == "reverse" else "done")
    assert posted() == (0 if how == "reverse" else 30, 0)


def test_two_who_price_the_same_call_again_book_it_once(start):
    settle(end_of(start, usage=usage({"in_audio": 10}), prices=PRICES))
    entry = Entry.objects.get(kind="unpriced")
    deployment = Deployment.objects.get(slug=SHOP.deployment)
    make_price(deployment, UsageClass.IN_AUDIO, 3)
    counts = []

    def price():
        counts.append(price_again(entry_ids=[entry.pk], reason="", actor="a").priced)

    assert meet(price, price) == ("done", "done")

    assert sorted(counts) == [0, 1]
    assert posted() == (30, 0)
