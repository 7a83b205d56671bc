"""Differences are booked by two people or explained, statements signed off and replaced."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Sum

from apps.core.money import PICO
from apps.ledger.adjusting import approve_adjustment, reject_adjustment, request_adjustment
from apps.ledger.models import Adjustment, Entry
from apps.reconciliation.books import our_total
from apps.reconciliation.errors import FileRefused, ReconciliationRefused
from apps.reconciliation.models import Decision, Source, Statement, StatementLine
from apps.reconciliation.selectors import found_in
from apps.reconciliation.services.comparing import compare_again, what_is_kept
from apps.reconciliation.services.deciding import accept, explain
from apps.reconciliation.services.importing import discard_draft, import_statement
from apps.reconciliation.services.signing import reopen, sign_off
from apps.reconciliation.standing import unexplained_of
from apps.registry.models import Model
from tests.reconciliation.month import (
    NOW,
    Claim,
    agreeing,
    book_month,
    booked,
    bridge,
    day,
    drafted,
    imported,
    make_provider_with_models,
    text_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    provider = make_provider_with_models()
    book_month()
    return provider


@pytest.fixture
def people():
    return [User.objects.create_user(name) for name in ("anna", "bert")]


def with_more(*more, of=None):
    return text_of([*(of or agreeing()).values(), *more])


TAX = Claim(day(31), "", "", 0, 0, 2 * PICO, "tax")
CREDIT = Claim(day(15), "", "", 0, 0, -5 * PICO, "credit")
UNKNOWN = Claim(day(20), "who", "output", 1, 1, 7 * PICO)


def ids(statement):
    return list(statement.differences.exclude(difference_pico=0).values_list("pk", flat=True))


def test_what_is_accepted_is_booked_when_another_approves(acme, people):
    anna, bert = people
    statement = imported(with_more(TAX, CREDIT), acme)
    decisions = accept(
        statement_id=statement.pk, ids=ids(statement), reason="as billed", by=anna, now=NOW
    )

    kinds = Adjustment.objects.values_list("kind", "amount_pico", "day", "model")
    assert set(kinds) == {
        ("provider_adjustment", 2 * PICO, day(31), ""),
        ("credit", -5 * PICO, day(15), ""),
    }
    assert unexplained_of(statement) == 7 * PICO  # asked for is not booked
    for one in decisions:
        approve_adjustment(adjustment_id=one.adjustment_id, by=bert, now=NOW)
    assert unexplained_of(statement) == 0
    assert compare_again(statement_id=statement.pk, now=NOW).ours_pico == statement.ours_pico
    more = Entry.objects.exclude(kind="charge").aggregate(sum=Sum("amount_pico"))
    assert more["sum"] == statement.theirs_pico - statement.ours_pico
    with pytest.raises(ReconciliationRefused, match="Nothing of these differences is open"):
        accept(statement_id=statement.pk, ids=ids(statement), reason="again", by=anna, now=NOW)


def test_a_rejected_adjustment_leaves_the_difference_open(acme, people):
    anna, bert = people
    statement = imported(with_more(TAX), acme)
    (one,) = accept(statement_id=statement.pk, ids=ids(statement), reason="x", by=anna, now=NOW)
    with pytest.raises(ReconciliationRefused, match="1 adjustments of acme"):
        sign_off(statement_id=statement.pk, note="x", by=bert, now=NOW)
    reject_adjustment(adjustment_id=one.adjustment_id, by=bert, now=NOW)

    assert (
        sign_off(statement_id=statement.pk, note="x", by=bert, now=NOW).unexplained_pico == 2 * PICO
    )


def test_differences_that_cancel_out_book_nothing(acme, people):
    lines = agreeing()
    for number, count in ((2, -1), (5, 1)):
        for meter in ("input", "output"):
            lines[number, "large", meter] = lines[number, "large", meter].calls(count)
    statement = imported(text_of(lines.values()), acme)

    accept(statement_id=statement.pk, ids=ids(statement), reason="x", by=people[0], now=NOW)

    assert not Adjustment.objects.exists()
    assert unexplained_of(statement) == 0


def test_opposite_differences_do_not_hide_each_other(acme):
    statement = imported(with_more(CREDIT, UNKNOWN), acme)
    assert statement.theirs_pico - statement.ours_pico == 2 * PICO
    assert unexplained_of(statement) == 12 * PICO


def test_an_explanation_is_of_one_statement_and_a_booking_of_the_day(acme, people):
    anna, bert = people
    old = imported(with_more(TAX, CREDIT), acme)
    tax = [old.differences.get(meter="tax").pk]
    credit = [old.differences.get(meter="credit").pk]
    (one,) = accept(statement_id=old.pk, ids=credit, reason="given back", by=anna, now=NOW)
    approve_adjustment(adjustment_id=one.adjustment_id, by=bert, now=NOW)
    explain(statement_id=old.pk, ids=tax, reason="booked elsewhere", by=anna, now=NOW)
    assert sign_off(statement_id=old.pk, note="x", by=anna, now=NOW).unexplained_pico == 0

    new = imported(with_more(TAX, CREDIT, UNKNOWN), acme)

    old.refresh_from_db()
    assert (old.status, old.replaced_by_id) == ("void", new.pk)
    assert old.signed_by == anna  # kept as it was
    assert unexplained_of(new) == (2 + 7) * PICO


def test_a_credit_that_was_booked_by_hand_meets_theirs(acme, people):
    anna, bert = people
    asked = request_adjustment(
        kind="credit",
        day=day(15),
        amount_pico=-5 * PICO,
        provider="acme",
        reference="mail",
        reason="an outage",
        by=anna,
        now=NOW,
    )
    approve_adjustment(adjustment_id=asked.pk, by=bert, now=NOW)

    statement = imported(with_more(CREDIT), acme)

    assert bridge(statement) == {}
    days = {"first": statement.first_day, "last": statement.last_day}
    assert our_total(provider=acme, **days) == statement.ours_pico


def test_the_same_file_is_refused_also_as_a_draft(acme):
    text = text_of(agreeing().values())
    statement = drafted(text, acme)
    with pytest.raises(FileRefused, match="uploaded before, on 2026-04-02"):
        drafted(text, acme, name="other.csv")
    discard_draft(statement_id=statement.pk)
    imported(text, acme)
    with pytest.raises(FileRefused, match="uploaded before"):
        drafted(text, acme)


def test_a_newer_statement_takes_the_place_of_whole_ones_alone(acme):
    first_half = [line for line in agreeing().values() if line.day.day <= 15]
    second_half = [line for line in agreeing().values() if line.day.day > 15]
    halves = [imported(text_of(half), acme) for half in (first_half, second_half)]
    middle = [line for line in agreeing().values() if 10 <= line.day.day <= 20]
    with pytest.raises(FileRefused) as refusal:
        drafted(text_of(middle), acme)
    assert len(refusal.value.faults) == 2
    assert "export all of its days" in str(refusal.value)

    whole = imported(text_of(agreeing().values()), acme)

    for half in halves:
        half.refresh_from_db()
        assert (half.status, half.replaced_by_id) == ("void", whole.pk)


def test_of_two_drafts_the_later_import_stands(acme):
    one = drafted(text_of(agreeing().values()), acme)
    other = drafted(with_more(TAX), acme)
    import_statement(statement_id=other.pk, now=NOW)
    import_statement(statement_id=one.pk, now=NOW)
    assert set(Statement.objects.values_list("pk", "status")) == {
        (one.pk, "open"),
        (other.pk, "void"),
    }
    with pytest.raises(ReconciliationRefused, match="is open"):
        import_statement(statement_id=one.pk, now=NOW)


def test_days_without_costs_are_said_by_the_person(acme):
    first, last = date(2026, 2, 27), date(2026, 4, 1)
    statement = drafted(text_of(agreeing().values()), acme, first=first, last=last)
    assert (statement.first_day, statement.last_day) == (first, last)
    with pytest.raises(FileRefused) as refusal:
        drafted(with_more(TAX), acme, first=day(2))
    assert (
        str(refusal.value.faults[0]) == "Line 2: 2026-03-01 is not from 2026-03-02 to 2026-03-31."
    )


def test_what_is_settled_takes_no_more_decisions(acme, people):
    statement = imported(with_more(TAX), acme)
    sign_off(statement_id=statement.pk, note="x", by=people[0], now=NOW)
    asked = {"statement_id": statement.pk, "ids": ids(statement), "reason": "x", "by": people[0]}
    with pytest.raises(ReconciliationRefused, match="is signed off"):
        explain(**asked, now=NOW)
    with pytest.raises(ReconciliationRefused):
        compare_again(statement_id=statement.pk, now=NOW)

    reopen(statement_id=statement.pk, now=NOW)
    with pytest.raises(ReconciliationRefused, match="choose others"):
        explain(**asked, now=NOW)  # lines of the comparison before
    assert len(explain(**asked | {"ids": ids(statement)}, now=NOW)) == 1


def one_more_call():
    at = datetime(2026, 3, 9, tzinfo=UTC)
    booked("acme", "large", at, {"out_text": 1}).save()


def name_the_item():
    model = Model.objects.get(slug="large")
    Source.objects.get().names.create(item="who, output", model=model, meter="out_text")


@pytest.mark.parametrize("change", [one_more_call, name_the_item])
def test_what_nobody_has_seen_is_not_signed_off(acme, people, change):
    statement = imported(with_more(UNKNOWN), acme)
    seen = what_is_kept(statement)
    change()
    asked = {"statement_id": statement.pk, "note": "x", "by": people[0], "now": NOW}
    with pytest.raises(ReconciliationRefused, match="Compare it again, and look at what differs"):
        sign_off(**asked)
    statement.refresh_from_db()
    assert (statement.status, statement.signed_by) == ("open", None)
    assert what_is_kept(statement) == seen

    compare_again(statement_id=statement.pk, now=NOW)
    assert what_is_kept(statement) != seen
    assert sign_off(**asked).status == "signed"


def test_the_database_keeps_what_was_read_and_decided(acme, people):
    statement = imported(with_more(TAX), acme)
    explain(statement_id=statement.pk, ids=ids(statement), reason="x", by=people[0], now=NOW)
    line = StatementLine.objects.first()
    for change in (
        lambda: StatementLine.objects.filter(pk=line.pk).update(amount_pico=1),
        lambda: Statement.objects.filter(pk=statement.pk).delete(),
        lambda: Statement.objects.filter(pk=statement.pk).update(last_day=day(30)),
        lambda: Statement.objects.filter(pk=statement.pk).update(status="signed"),
        lambda: Decision.objects.update(amount_pico=1),
        lambda: Decision.objects.all().delete(),
        lambda: statement.differences.update(tax_pico=5),
    ):
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic():
            change()


def test_what_was_booked_under_other_words_is_not_booked_twice(acme, people):
    anna, bert = people
    statement = imported(with_more(UNKNOWN), acme)
    (one,) = accept(statement_id=statement.pk, ids=ids(statement), reason="x", by=anna, now=NOW)
    approve_adjustment(adjustment_id=one.adjustment_id, by=bert, now=NOW)
    large = acme.deployments.get(slug="large-eu").model
    source = Source.objects.get()
    source.names.create(item="who, output", model=large, meter="out_text")

    compare_again(statement_id=statement.pk, now=NOW)

    rows = {line.row.model: line.open for line in found_in(statement, {"state": "open"}).lines}
    assert rows == {"large": 7 * PICO, "who, output": -7 * PICO}
    every = statement.differences.values_list("pk", flat=True)
    accept(statement_id=statement.pk, ids=list(every), reason="moved", by=anna, now=NOW)
    asked = Adjustment.objects.filter(status="requested").values_list("amount_pico", flat=True)
    assert sorted(asked) == [-7 * PICO, 7 * PICO]
