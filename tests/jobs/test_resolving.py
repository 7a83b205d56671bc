"""What a person decides about contested usage stands in the ledger, the budget, the job and the
reports at once, with who decided and why."""

import re
import threading

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, transaction
from django.urls import reverse

from apps.budgets.models import Hold, Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import settle_all
from apps.budgets.types import Resolution
from apps.jobs.models import Job
from apps.jobs.services.quarantine import resolve_entry
from apps.jobs.verifying import verify_costs
from apps.ledger.models import Attempt, Choice, Entry, QuarantineDecision
from apps.ledger.pricing import Unpriced
from apps.ledger.selectors import Quarantine, broken_entries, open_quarantine, quarantined
from apps.ledger.services import NotReversible, close_attempts
from apps.registry.models import Deployment, UsageClass
from tests.budgets.conftest import held, make_budget
from tests.factories import make_price, make_priced_deployment
from tests.ledger.conftest import NOW, SHOP, end_of, opened, prices, usage

pytestmark = pytest.mark.django_db
__all__ = ["opened"]
BOUND = {"in_uncached": 50, "out_text": 100}
SAID = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 99}
PRICES = prices(in_uncached=5, out_text=7)
LIST = reverse("admin:ledger_waitingentry_changelist")


@pytest.fixture
def contested(opened, make_job):
    """A call of a job that was held and booked at 950; the provider said that 3 + 4 is 99."""
    make_budget(limit_pico=10**9)
    make_priced_deployment(slug=SHOP.deployment, input_pico=5, output_pico=7)
    job = make_job(status="succeeded")
    start = opened(id=held(950), job_id=job.pk)
    report = usage(BOUND, source="bound", raw={"contested": SAID}, problem="99 is not 3 + 4")
    end = end_of(start, usage=report, prices=PRICES, kind="conflict")
    with transaction.atomic():
        booked = close_attempts(ends=[end], now=NOW)[0]
        settle_all(resolutions=[Resolution(start.id, booked.amount_pico)], now=NOW)
    Job.objects.update(cost_pico=booked.amount_pico, finished_at=NOW)
    return Entry.objects.get()


@pytest.fixture
def person(db):
    return User.objects.create_user("fin", is_staff=True)


def totals():
    """What everybody says that the call cost, with nothing that differs."""
    assert not broken_entries()
    assert not verify_windows()
    assert not verify_costs()
    return Window.objects.get().posted_pico, Job.objects.get().cost_pico


@pytest.mark.parametrize(
    ("choice", "counts", "amount", "tokens"),
    [
        (Choice.PROVIDER, None, 3 * 5 + 96 * 7, (3, 96, 0)),
        (Choice.COUNTS, {"in_uncached": 2, "in_cache_read": 1, "out_text": 4}, 43, (3, 4, 1)),
        (Choice.COUNTS, {"in_uncached": 0}, 0, (0, 0, 0)),
        (Choice.KEEP, None, 950, (50, 100, 0)),
    ],
)
def test_every_total_is_the_decided_one(contested, person, choice, counts, amount, tokens):
    assert totals() == (950, 950)

    resolve_entry(entry_id=contested.pk, choice=choice, counts=counts, reason="invoice", by=person)

    assert totals() == (amount, amount)
    lines = Entry.objects.order_by("id").values_list("kind", "amount_pico", "actor", "reason")
    assert list(lines) == [
        ("conflict", 950, "", "99 is not 3 + 4"),
        ("reversal", -950, "fin", "invoice"),
        ("correction", amount, "fin", "invoice"),
    ]
    correction = Entry.objects.get(kind="correction")
    found = (correction.input_tokens, correction.output_tokens, correction.cached_tokens)
    assert found == tokens
    decision = QuarantineDecision.objects.get()
    assert (decision.entry_id, decision.correction_id) == (contested.pk, correction.pk)
    assert (decision.choice, decision.decided_by) == (choice, person)
    assert open_quarantine() == Quarantine()


def test_it_is_decided_once_but_a_mistake_can_be_mended(contested, person):
    first = resolve_entry(entry_id=contested.pk, choice=Choice.KEEP, reason="a", by=person)
    with pytest.raises(NotReversible, match="replaced before"):
        resolve_entry(entry_id=contested.pk, choice=Choice.PROVIDER, reason="b", by=person)
    counts = {"out_text": 1}

    resolve_entry(entry_id=first.pk, choice=Choice.COUNTS, counts=counts, reason="c", by=person)

    assert totals() == (7, 7)
    assert [row.reason for row in QuarantineDecision.objects.order_by("pk")] == ["a", "c"]


def test_a_class_without_a_price_books_nothing(contested, person):
    with pytest.raises(Unpriced, match="in_audio"):
        resolve_entry(
            entry_id=contested.pk,
            choice=Choice.COUNTS,
            counts={"in_audio": 1},
            reason="",
            by=person,
        )

    assert totals() == (950, 950)
    assert open_quarantine() == Quarantine(conflict=1)


def test_kept_without_a_price_it_gets_the_one_that_came_later(opened, person):
    deployment = make_priced_deployment(slug=SHOP.deployment, input_pico=5, output_pico=7)
    report = usage({"in_audio": 10}, source="bound", problem="odd")
    close_attempts(ends=[end_of(opened(), usage=report, prices=PRICES, kind="conflict")], now=NOW)
    entry = Entry.objects.get()
    assert (entry.kind, entry.amount_pico) == ("conflict", 0)
    make_price(deployment, UsageClass.IN_AUDIO, 1000)

    correction = resolve_entry(entry_id=entry.pk, choice=Choice.KEEP, reason="", by=person)

    assert correction.amount_pico == 10_000


def test_an_unknown_outcome_waits_until_somebody_decides(opened, person):
    make_budget(limit_pico=10**9)
    make_priced_deployment(slug=SHOP.deployment, input_pico=5, output_pico=7)
    start = opened(id=held(950))
    report = usage(BOUND, source="bound", raw=None)
    end = end_of(start, status="unknown", usage=report, prices=PRICES, kind="estimate")
    close_attempts(ends=[end], now=NOW)
    settle_all(resolutions=[Resolution(start.id, 950, keep_held=True)], now=NOW)
    assert open_quarantine() == Quarantine(unknown=1)
    counts = {"in_uncached": 1}

    entry = Entry.objects.get()
    resolve_entry(entry_id=entry.pk, choice=Choice.COUNTS, counts=counts, reason="", by=person)

    assert open_quarantine() == Quarantine()
    hold, window = Hold.objects.get(), Window.objects.get()
    assert (hold.status, window.posted_pico, window.held_pico) == ("settled", 5, 0)
    assert Attempt.objects.get().status == "unknown"


def test_what_waits_is_counted_by_kind_and_time(contested, opened):
    start = opened(id=held(10, now=NOW))
    close_attempts(ends=[end_of(start, usage=usage({"in_audio": 1}))], now=NOW)

    assert open_quarantine() == Quarantine(unpriced=1, conflict=1)
    assert open_quarantine(before=NOW) == Quarantine()
    assert open_quarantine().total == quarantined().count() == 2


def log_in(client, role):
    user = User.objects.create_user(role, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)


def page_of(entry):
    return reverse("admin:ledger_entry_action", args=[entry.pk, "resolve"])


def test_finance_resolves_on_the_page_and_others_cannot(client, contested):
    for role in ("operator", "auditor", "service-developer", "prompt-engineer"):
        log_in(client, role)
        assert "99 is not 3 + 4" in client.get(LIST).content.decode()
        shown = client.get(reverse("admin:ledger_entry_change", args=[contested.pk]))
        assert page_of(contested) not in shown.content.decode()
        assert client.post(page_of(contested), {}).status_code == 403

    log_in(client, "finance")
    shown = client.get(page_of(contested)).content.decode()
    assert "3 tokens in and 96 out: 0.000000000687 USD" in shown
    assert "&quot;total_tokens&quot;: 99" in shown

    answer = client.post(page_of(contested), {"choice": "provider", "reason": "invoice 7"})

    assert answer.status_code == 302
    assert totals() == (687, 687)
    assert Entry.objects.get(kind="correction").actor == "finance"
    change = reverse("admin:ledger_entry_change", args=[contested.pk])
    assert page_of(contested) not in client.get(change).content.decode()
    assert "Nothing waits" in client.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({"reason": "r"}, "This field is required."),
        ({"choice": "keep"}, "This field is required."),
        ({"choice": "nothing", "reason": "r"}, "Select a valid choice"),
        (
            {"choice": "counts", "reason": "r"},
            "Type at least one count; 0 if the call used nothing.",
        ),
        ({"choice": "counts", "reason": "r", "out_text": "-1"}, "greater than or equal to 0"),
        ({"choice": "counts", "reason": "r", "out_audio": "1"}, "Type at least one count"),
    ],
)
def test_a_wrong_form_says_what_is_wrong(client, contested, form, fault):
    log_in(client, "finance")

    page = client.post(page_of(contested), form)

    assert page.status_code == 200
    assert fault in page.content.decode()
    assert Entry.objects.count() == 1


def test_only_what_had_a_price_can_be_typed_and_in_its_tier(client, contested):
    make_price(
        Deployment.objects.get(slug=SHOP.deployment),
        UsageClass.OUT_TEXT,
        70,
        service_tier="priority",
    )
    log_in(client, "finance")
    page = client.get(page_of(contested)).content.decode()
    names = {"in_uncached", "in_cache_read", "out_text", "out_reasoning", "tier"}
    assert set(re.findall(r' name="((?:in|out|tier)[^"]*)"', page)) == names

    form = {"choice": "counts", "reason": "r", "out_text": "2", "tier": "priority"}
    assert client.post(page_of(contested), form | {"tier": "none"}).status_code == 200
    client.post(page_of(contested), form)

    assert totals() == (140, 140)


def test_without_any_price_it_says_what_is_missing(client, opened):
    report = usage({"in_audio": 1}, source="bound", problem="odd")
    close_attempts(ends=[end_of(opened(), usage=report, kind="conflict")], now=NOW)
    log_in(client, "finance")

    form = {"choice": "counts", "reason": "r", "out_audio": "1"}
    page = client.post(page_of(Entry.objects.get()), form).content.decode()

    assert "No price for out_audio. Add it to the price list, valid from before 2026-05-04" in page
    assert Entry.objects.count() == 1


def test_many_are_resolved_from_the_list(client, contested):
    log_in(client, "finance")
    form = {"action": "accept_totals", "_selected_action": [contested.pk], "reason": "agreed"}

    answer = client.post(LIST, form | {"confirmed": "1"}, follow=True)

    assert "1 resolved, 0 still waiting." in answer.content.decode()
    assert totals() == (687, 687)


def test_home_says_what_waits(client, contested):
    log_in(client, "finance")

    page = client.get(reverse("admin:index")).content.decode()

    assert "1 with conflicting usage" in page
    assert LIST in page


@pytest.mark.django_db(transaction=True)
def test_of_two_at_the_same_moment_one_decides(contested, person):
    """A double click, or two people."""
    barrier, answers = threading.Barrier(2), []

    def decide(choice):
        try:
            barrier.wait(timeout=30)
            resolve_entry(entry_id=contested.pk, choice=choice, reason="", by=person)
            answers.append("booked")
        except NotReversible:
            answers.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=[c]) for c in (Choice.KEEP, Choice.PROVIDER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["booked", "refused"]
    assert Entry.objects.count() == 3
    posted, cost = totals()
    assert posted == cost == Entry.objects.get(kind="correction").amount_pico
