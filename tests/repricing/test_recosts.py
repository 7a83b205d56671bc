"""A recost is asked for, approved by somebody else, and booked once."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.budgets.models import Window
from apps.jobs.models import Job
from apps.ledger.checklist import quick_checks
from apps.ledger.models import Boundary, Entry, Period
from apps.ledger.selectors import broken_entries
from apps.ledger.services import reverse_entry
from apps.registry.models import UsageClass
from apps.registry.services import set_price
from apps.repricing import booking, services
from apps.repricing.booking import book_all, book_batch
from apps.repricing.models import Recost, RecostItem, RecostRate
from apps.repricing.selectors import progress
from apps.repricing.services import approve_recost, reject_recost, request_recost, what_if
from apps.repricing.types import RepricingRefused
from tests.budgets.conftest import make_budget
from tests.factories import make_price
from tests.jobs.conftest import make_job, shop
from tests.ledger.conftest import SHOP
from tests.repricing.conftest import ASKED, AT, END, MAY, START, called, rate

pytestmark = pytest.mark.django_db
__all__ = ["make_job", "shop"]
CALL = {"in_uncached": 100, "out_text": 20}  # 640 as listed
DEARER = [rate("in_uncached", 6)]  # 740


@pytest.fixture
def asked(deployment, people):
    called(CALL)
    return request_recost(rates=DEARER, by=people[0], **ASKED)


def entries():
    """What was charged, its reversal, and what stands for it."""
    return [Entry.objects.get(kind=kind) for kind in ("charge", "reversal", "correction")]


def book(recost, people):
    approve_recost(recost_id=recost.pk, by=people[1], now=END, decision="seen")
    return book_all()


def test_nothing_is_booked_before_somebody_else_approves(asked, people):
    assert (asked.entries, asked.before_pico, asked.after_pico) == (1, 640, 740)
    with pytest.raises(RepricingRefused, match="somebody else has to approve"):
        approve_recost(recost_id=asked.pk, by=people[0], now=END)
    assert book_all() == 0
    assert Entry.objects.count() == 1


def test_an_approved_one_becomes_a_reversal_and_a_correction(asked, people):
    assert book(asked, people) == 1

    charge, reversal, correction = Entry.objects.order_by("pk")
    assert (reversal.kind, reversal.amount_pico, reversal.reverses_id) == (
        "reversal",
        -640,
        charge.pk,
    )
    assert (correction.kind, correction.amount_pico) == ("correction", 740)
    assert {reversal.at, correction.at} == {charge.at}  # its month is open
    assert (correction.reason, correction.actor) == ("Recost: contract 7", "approves")
    assert correction.lines[0]["price_id"] == RecostRate.objects.get().pk
    assert (correction.attempt_id, correction.input_tokens) == (charge.attempt_id, 100)
    item = RecostItem.objects.get()
    assert (item.outcome, item.correction_id) == ("booked", correction.pk)
    asked.refresh_from_db()
    assert (asked.status, asked.decision) == ("done", "seen")
    assert progress(asked).booked_pico == 100


def test_pressed_twice_it_is_booked_once(asked, people):
    book(asked, people)
    with pytest.raises(RepricingRefused, match="was decided before"):
        approve_recost(recost_id=asked.pk, by=people[1], now=END)
    assert book_all() == 0
    assert Entry.objects.count() == 3


def test_one_killed_midway_goes_on_where_it_was(deployment, people, monkeypatch):
    for minutes in range(5):
        called(CALL, at=AT + timedelta(minutes=minutes))
    recost = request_recost(rates=DEARER, by=people[0], **ASKED)
    approve_recost(recost_id=recost.pk, by=people[1], now=END)
    assert book_batch(size=2) == 2
    monkeypatch.setattr(services.RecostItem.objects, "bulk_update", die)
    with pytest.raises(Killed), transaction.atomic():
        book_batch(size=2)
    assert Entry.objects.count() == 5 + 2 * 2
    monkeypatch.undo()

    assert book_all() == 3

    assert Entry.objects.count() == 5 * 3
    assert sum(Entry.objects.values_list("amount_pico", flat=True)) == 5 * 740
    assert broken_entries() == []


def test_while_another_process_books_nobody_waits_for_it(asked, people):
    approve_recost(recost_id=asked.pk, by=people[1], now=END)
    with closing(connection.copy()) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [booking._LOCK])
        assert book_all() == 0
        # a session that is closed lets go of it a little later
        cursor.execute("SELECT pg_advisory_unlock(%s)", [booking._LOCK])
    assert book_all() == 1


class Killed(Exception):
    pass


def die(*_, **__):
    raise Killed


def test_budgets_and_jobs_get_the_new_total(deployment, people, make_job):
    make_budget(limit_pico=10**9)
    job = make_job(status="succeeded")
    called(CALL, job_id=job.pk)
    recost = request_recost(rates=DEARER, by=people[0], **ASKED)
    book(recost, people)
    assert Window.objects.get().posted_pico == 740
    assert Job.objects.get().cost_pico == 740


def test_what_is_closed_is_mended_in_an_open_month(asked, people):
    Boundary.objects.update(closed_until=END)
    book(asked, people)
    charge, reversal, correction = entries()
    assert reversal.at == correction.at > END
    assert reversal.reverses_id == charge.pk  # which says the day that it is about


def test_what_was_replaced_meanwhile_is_left_and_told(asked, people):
    called(CALL, at=AT + timedelta(minutes=1))  # nobody asked about this one
    reverse_entry(entry=Entry.objects.order_by("pk").first(), reason="", actor="", now=END)
    assert book(asked, people) == 1
    assert Entry.objects.count() == 3
    found = progress(asked)
    assert (found.booked, found.left, found.left_pico) == (0, 1, 100)
    asked.refresh_from_db()
    assert asked.status == "done"


def test_a_call_without_a_price_gets_one(deployment, people):
    called({"in_audio": 3})
    shown = what_if(rates=[rate("in_audio", 11)], **MAY)
    assert (shown.priced, shown.newly_priced, shown.difference_pico) == ([], 1, 33)
    recost = request_recost(rates=[rate("in_audio", 11)], by=people[0], **ASKED)
    book(recost, people)
    assert Entry.objects.get(kind="correction").amount_pico == 33


def test_estimates_contested_usage_and_holds_stay(deployment):
    called(CALL, status="unknown", kind="estimate")
    called(CALL, kind="conflict")
    called(CALL, tier="flex")  # unpriced, and stays so
    shown = what_if(rates=DEARER, **MAY)
    assert shown.entries == 0
    assert {
        (left.why.partition(":")[0], left.entries, left.amount_pico) for left in shown.left
    } == {
        ("A meter would have no price", 1, 0),
        ("Contested usage", 1, 640),
        ("Estimates", 1, 640),
    }


def test_a_price_that_no_call_used_is_told(deployment):
    called(CALL)
    rates = [rate("in_uncached", 6, price_id=-1), rate("web_search", 6, price_id=-2)]
    assert what_if(rates=rates, **MAY).used.keys() == {-1}


def test_calls_count_by_the_moment_when_they_were_sent(deployment):
    second = timedelta(seconds=1)
    for at in (START - second, START, END - second, END):
        called(CALL, at=at)
    assert what_if(rates=DEARER, **MAY).entries == 2


def test_a_second_recost_keeps_what_the_first_corrected(asked, people, deployment):
    book(asked, people)
    shown = what_if(rates=[rate("out_text", 8)], **MAY)
    assert (shown.before_pico, shown.after_pico) == (740, 760)


def test_what_was_approved_is_booked_whatever_the_list_says_since(asked, people, deployment):
    make_price(deployment, UsageClass.IN_CACHE_READ, 1)
    set_price(deployment=deployment, usage_class="out_text", price_pico=9, source="x", now=END)
    book(asked, people)
    assert sum(Entry.objects.values_list("amount_pico", flat=True)) == 740


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"seen": 99}, "have changed since"),
        ({"rates": [rate("in_uncached", 5)]}, "No entry would change"),
        ({"rates": [rate("in_uncached", 2**62)]}, "more than an entry can hold"),
        ({"start": END, "end": END + timedelta(days=1)}, "No entry would change"),
    ],
)
def test_what_cannot_be_asked_for(deployment, people, change, fault):
    called(CALL)
    with pytest.raises(RepricingRefused, match=fault):
        request_recost(**{"rates": DEARER, "by": people[0], **ASKED, **change})
    assert not Recost.objects.exists()


def test_two_about_the_same_calls_do_not_wait_side_by_side(asked, people):
    with pytest.raises(RepricingRefused, match="Another recost"):
        request_recost(rates=[rate("out_text", 8)], by=people[0], **ASKED)
    reject_recost(recost_id=asked.pk, by=people[0], now=END)  # one's own is taken back so
    request_recost(rates=[rate("out_text", 8)], by=people[0], **ASKED)


def test_so_many_entries_are_refused_whole(deployment, people, monkeypatch):
    monkeypatch.setattr(services, "MOST_ENTRIES", 1)
    for _ in range(2):
        called(CALL)
    with pytest.raises(RepricingRefused, match="2 entries would change, and 1 can at once"):
        request_recost(rates=DEARER, by=people[0], **ASKED)
    assert not RecostItem.objects.exists()


def test_the_database_keeps_what_was_asked_and_decided(asked, people):
    decided = f"decided_at = now(), decided_by_id = {people[1].pk}"
    forbidden = {
        "update repricing_recost set after_pico = 1": "Cannot update",
        f"update repricing_recost set status = 'done', {decided}": "Invalid transition",
        "delete from repricing_recost": "Cannot delete",
        "update repricing_recostrate set price_pico = 1": "Cannot update",
        "delete from repricing_recostitem": "Cannot delete",
        "update repricing_recostitem set after_pico = 1": "Cannot update",
    }
    for statement, error in forbidden.items():
        with pytest.raises(Exception, match=error), transaction.atomic():
            connection.cursor().execute(statement)
    own = f"status = 'approved', decided_at = now(), decided_by_id = {people[0].pk}"
    with pytest.raises(IntegrityError, match="two_people"), transaction.atomic():
        connection.cursor().execute(f"update repricing_recost set {own}")
    book(asked, people)
    with pytest.raises(Exception, match="Cannot update"), transaction.atomic():
        connection.cursor().execute("update repricing_recostitem set outcome = ''")


def test_a_month_with_one_that_waits_is_not_done(asked, people):
    bounds = {"start": START, "end": END, "zone": "UTC", "month": START.date()}
    period = Period.objects.create(**bounds)

    def waiting():
        (found,) = (one for one in quick_checks(period) if one.title.startswith("Recosts"))
        return found.open

    assert waiting() == 1
    book(asked, people)
    assert waiting() == 0


def test_of_another_deployment_nothing_is_touched(asked, people):
    elsewhere = datetime(2026, 5, 5, tzinfo=UTC)
    assert what_if(rates=[], start=elsewhere, end=END).entries == 0
    assert {rate.deployment for rate in RecostRate.objects.all()} == {SHOP.deployment}
