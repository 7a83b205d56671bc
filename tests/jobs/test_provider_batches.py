"""Jobs that may wait go through a provider's Batch API, at its price and with the same promises."""

from datetime import timedelta

import pytest

from apps.budgets.selectors import verify_windows
from apps.jobs.models import Job, JobPayload, ProviderBatch, ProviderBatchRow
from apps.jobs.services.cancel import cancel
from apps.jobs.services.claim import claim
from apps.jobs.services.provider_batches import times
from apps.jobs.services.sweep import sweep
from apps.jobs.waiting import waiting_of
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Deployment, Price
from tests.budgets.conftest import make_budget
from tests.factories import make_service
from tests.jobs.conftest import state
from tests.jobs.lane import (
    attempts,
    booked,
    gathered,
    held,
    lanes,
    make_lane,
    next_round,
    paid,
    pass_time,
    post,
    round_,
    sound,
    statuses,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def shop(db, upstream):
    """Whatever a test did to it: windows are what their holds and entries say, after all."""
    make_lane(upstream)
    make_budget("all", 10**12)
    yield make_service("shop")
    assert verify_windows() == []


def batch():
    return ProviderBatch.objects.get()


def outcomes():
    return list(ProviderBatchRow.objects.order_by("index").values_list("outcome", flat=True))


def run_to_the_end(looks=6):
    for _ in range(looks):
        next_round()
    assert batch().state == "ended"


# --- the way of a batch ---------------------------------------------------------------------------
def test_jobs_are_answered_at_half_the_price(shop, upstream):
    jobs = [post(shop, f"hello number {number}") for number in range(3)]
    gathered()
    assert (statuses(jobs), attempts()) == (["running"] * 3, ["dispatched"] * 3)
    assert held() > 0

    run_to_the_end()

    assert (statuses(jobs), lanes(jobs)) == (["succeeded"] * 3, ["batch"] * 3)
    assert (attempts(), outcomes()) == (["succeeded"] * 3, ["answered"] * 3)
    assert (booked(), held()) == (paid(upstream), 0)
    assert set(Entry.objects.values_list("kind", flat=True)) == {"charge"}
    assert all(line["service_tier"] == "batch" for line in Entry.objects.first().lines)
    assert all(p.result["text"] for p in JobPayload.objects.all())
    assert len(upstream.store()["batches"]) == 1
    sound()


def test_everything_is_durable_before_anything_is_sent(shop, upstream):
    upstream.batches(faults={"upload": [500]})
    job = post(shop)
    gathered()
    assert [b["id"] for b in upstream.store()["batches"]] == []
    assert (batch().state, attempts(), state(job).lane) == ("gathered", ["dispatched"], "batch")
    assert ProviderBatchRow.objects.get().line


def test_what_was_sent_is_not_kept_a_second_time(shop):
    post(shop)
    gathered()
    assert ProviderBatchRow.objects.get().line == ""


def test_a_lone_job_waits_a_moment_for_others(shop, upstream):
    first = post(shop)
    round_()
    assert state(first).status == "queued"
    assert waiting_of(Job.objects.get(pk=first.pk)).reason == "gathering"
    pass_time(times.GATHER)
    second = post(shop)
    round_()
    assert batch().total == 2
    assert waiting_of(Job.objects.get(pk=second.pk)).reason == "provider_batch"


def test_very_different_deadlines_do_not_share_a_batch(shop):
    post(shop, deadline=3 * HOUR)
    post(shop, deadline=23 * HOUR)
    gathered()
    assert sorted(ProviderBatch.objects.values_list("total", flat=True)) == [1, 1]


# --- who goes that way ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "values",
    [{"may_wait": False}, {"deadline": HOUR}],
    ids=["not allowed", "no time"],
)
def test_it_is_for_those_who_may_wait_and_have_the_time(shop, values):
    job = post(shop, **values)
    assert (state(job).lane, [c.ticket.job_id for c in claim(limit=9)]) == ("", [job.pk])


def test_a_deployment_must_offer_it(shop):
    Deployment.objects.update(batch_lane=False)
    assert state(post(shop)).lane == ""


def test_without_a_price_of_the_lane_a_job_goes_the_normal_way(shop, upstream):
    job = post(shop)
    prices = Price.objects.filter(service_tier="batch")
    for price in prices:
        price.valid = (price.valid.lower, job.created_at)
        price.save()
    gathered()
    assert (statuses([job]), lanes([job]), attempts()) == (["queued"], ["returned"], [])
    assert [c.ticket.job_id for c in claim(limit=9)] == [job.pk]


def test_when_nobody_gathers_the_normal_way_is_open(shop):
    job = post(shop)
    assert claim(limit=9) == []
    pass_time(times.PATIENCE)
    assert [c.ticket.job_id for c in claim(limit=9)] == [job.pk]


def test_a_budget_without_room_is_asked_again_on_the_normal_way(shop, upstream):
    make_budget("tight", 1, service="shop")
    job = post(shop)
    gathered()
    assert (statuses([job]), lanes([job]), attempts(), held()) == (["queued"], ["returned"], [], 0)
    assert ProviderBatch.objects.count() == 0


# --- what comes back ------------------------------------------------------------------------------
def test_rows_that_failed_go_the_normal_way_and_their_holds_come_back(shop, upstream):
    upstream.batches(rows={"0": "expired", "1": 400, "2": 500})
    jobs = [post(shop) for _ in range(4)]
    gathered()
    run_to_the_end()
    assert statuses(jobs) == ["queued", "queued", "queued", "succeeded"]
    assert lanes(jobs) == ["returned"] * 3 + ["batch"]
    assert outcomes() == ["not_run", "failed", "failed", "answered"]
    assert (booked(), held()) == (paid(upstream), 0)
    assert {c.ticket.job_id for c in claim(limit=9)} == {job.pk for job in jobs[:3]}
    sound()


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_a_batch_that_did_not_run_costs_nothing(shop, upstream, end):
    upstream.batches(end=end, run=0)
    jobs = [post(shop) for _ in range(2)]
    gathered()
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["queued"] * 2, ["not_run"] * 2)
    assert (booked(), held(), attempts()) == (0, 0, ["failed"] * 2)


@pytest.mark.parametrize("fault", ["missing", "garbage"])
def test_a_result_that_is_missing_may_have_been_paid(shop, upstream, fault):
    upstream.batches(rows={"0": fault})
    jobs = [post(shop) for _ in range(2)]
    gathered()
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["queued", "succeeded"], ["unknown", "answered"])
    # In no order: both were made in the same instant.
    assert sorted(attempts()) == ["succeeded", "unknown"]
    assert held() > 0
    assert booked() >= paid(upstream) - 50 * 10
    assert "without a result: 1" in batch().error
    sound()


def test_a_job_that_may_not_be_repeated_ends_when_its_result_is_missing(shop, upstream):
    upstream.batches(rows={"0": "missing"})
    job = post(shop, on_unknown="fail")
    gathered()
    run_to_the_end()
    assert (state(job).status, state(job).error_code) == ("failed", "outcome_unknown")


def test_a_result_that_comes_twice_is_booked_once(shop, upstream):
    upstream.batches(rows={"0": "repeated"})
    job = post(shop)
    gathered()
    run_to_the_end()
    assert (statuses([job]), Entry.objects.count()) == (["succeeded"], 1)
    assert booked() == paid(upstream)


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [("no_usage", "estimate", "succeeded"), ("mismatch", "conflict", "succeeded")],
)
def test_usage_is_judged_as_on_the_normal_way(shop, upstream, fault, kind, status):
    upstream.batches(rows={"0": fault})
    job = post(shop)
    gathered()
    run_to_the_end()
    assert (state(job).status, Entry.objects.get().kind) == (status, kind)


def test_a_useless_answer_is_paid_and_the_job_goes_on(shop, upstream):
    upstream.batches(rows={"0": "no_choices"})
    job = post(shop)
    gathered()
    run_to_the_end()
    assert (state(job).status, outcomes()) == ("queued", ["failed"])
    assert (booked(), state(job).cost_pico) == (paid(upstream), paid(upstream))


def test_a_file_of_results_that_is_gone_leaves_everything_unknown(shop, upstream):
    upstream.batches(faults={"content": [404]})
    jobs = [post(shop) for _ in range(2)]
    gathered()
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["queued"] * 2, ["unknown"] * 2)


# --- faults at each step --------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["upload", "create", "get", "content"])
@pytest.mark.parametrize("fault", [500, 429, "reset", "lost", "html"])
def test_a_fault_at_any_step_neither_loses_nor_doubles_anything(shop, upstream, step, fault):
    upstream.batches(faults={step: [fault]})
    jobs = [post(shop) for _ in range(2)]
    gathered()
    pass_time(times.SETTLED)
    run_to_the_end(10)
    assert statuses(jobs) == ["succeeded"] * 2
    assert len([b for b in upstream.store()["batches"] if b["ran"]]) == 1
    assert (booked(), held()) == (paid(upstream), 0)
    sound()


def test_what_a_provider_refuses_to_run_goes_the_normal_way(shop, upstream):
    upstream.batches(faults={"create": [400]})
    job = post(shop)
    gathered()
    assert (batch().state, statuses([job]), lanes([job])) == ("ended", ["queued"], ["returned"])
    assert (booked(), held()) == (0, 0)


def test_a_create_that_nobody_heard_of_is_found_again(shop, upstream):
    upstream.batches(faults={"create": ["lost"]})
    job = post(shop)
    gathered()
    assert (batch().state, len(upstream.store()["batches"])) == ("creating", 1)
    run_to_the_end()
    assert upstream.store()["asked"].count("create") == 1
    assert statuses([job]) == ["succeeded"]


def test_before_it_is_sent_again_its_first_file_is_deleted(shop, upstream):
    upstream.batches(faults={"create": ["reset"]})
    job = post(shop)
    gathered()
    next_round()
    assert upstream.store()["asked"].count("create") == 1  # it may yet appear
    pass_time(times.SETTLED)
    run_to_the_end()
    asked = upstream.store()["asked"]
    assert asked.index("delete") < len(asked) - 1 - asked[::-1].index("create")
    assert asked.count("create") == 2
    assert statuses([job]) == ["succeeded"]


# --- stopping, and running out of time ------------------------------------------------------------
def test_a_job_that_is_stopped_before_it_is_sent_costs_nothing(shop, upstream):
    upstream.batches(faults={"upload": [500]})
    jobs = [post(shop) for _ in range(2)]
    gathered()
    cancel(job_id=jobs[0].pk)
    run_to_the_end()
    assert statuses(jobs) == ["cancelled", "succeeded"]
    assert outcomes() == ["not_run", "answered"]
    assert (booked(), held()) == (paid(upstream), 0)


def test_a_job_that_is_stopped_at_the_provider_is_paid_when_it_ran(shop, upstream):
    upstream.batches(looks=3)
    jobs = [post(shop) for _ in range(2)]
    gathered()
    cancel(job_id=jobs[0].pk)
    next_round()
    assert statuses(jobs) == ["cancelled", "running"]
    assert (sorted(attempts()), held() > 0) == (["dispatched", "unknown"], True)
    run_to_the_end()
    assert statuses(jobs) == ["cancelled", "succeeded"]
    assert (booked(), held()) == (paid(upstream), 0)
    assert attempts() == ["succeeded"] * 2
    sound()


def test_a_batch_that_nobody_waits_for_is_cancelled_there(shop, upstream):
    upstream.batches(looks=None, run=0)
    job = post(shop)
    gathered()
    cancel(job_id=job.pk)
    run_to_the_end()
    assert (statuses([job]), booked(), held()) == (["cancelled"], 0, 0)
    assert upstream.store()["batches"][0]["status"] == "cancelled"


def test_what_is_not_back_in_time_is_called_back_and_goes_the_normal_way(shop, upstream):
    upstream.batches(looks=None, run=0)
    job = post(shop, deadline=3 * HOUR)
    gathered()
    next_round()
    pass_time(3 * HOUR - times.RETURN)
    run_to_the_end()
    assert (statuses([job]), lanes([job]), outcomes()) == (["queued"], ["returned"], ["not_run"])
    assert (booked(), held()) == (0, 0)
    assert [c.ticket.job_id for c in claim(limit=9)] == [job.pk]


def test_a_provider_that_says_nothing_holds_no_job_beyond_its_time(shop, upstream):
    upstream.batches(faults={"get": [500] * 9})
    job = post(shop, deadline=3 * HOUR)
    gathered()
    pass_time(3 * HOUR - times.LEAVE)
    round_()
    assert (statuses([job]), lanes([job]), attempts()) == (["queued"], ["returned"], ["unknown"])
    assert held() > 0
    run_to_the_end(14)  # the truth comes late, and replaces the estimate
    assert (booked(), held(), outcomes()) == (paid(upstream), 0, ["answered"])
    assert Entry.objects.filter(kind="late_charge").count() == 1
    assert statuses([job]) == ["queued"]


def test_what_had_been_answered_when_it_was_called_back_counts(shop, upstream):
    upstream.batches(looks=None, run=1)
    jobs = [post(shop, deadline=3 * HOUR) for _ in range(2)]
    gathered()
    next_round()
    pass_time(3 * HOUR - times.RETURN)
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["succeeded", "queued"], ["answered", "not_run"])
    assert (booked(), held()) == (paid(upstream), 0)


def test_when_nobody_looks_after_batches_the_sweeper_takes_their_jobs(shop, upstream):
    job = post(shop, deadline=3 * HOUR)
    gathered()
    pass_time(3 * HOUR - times.LEASE)
    sweep()
    assert (statuses([job]), lanes([job]), attempts()) == (["queued"], ["returned"], ["unknown"])
    run_to_the_end()
    assert (booked(), held(), outcomes()) == (paid(upstream), 0, ["answered"])
    assert statuses([job]) == ["queued"]
    assert Attempt.objects.get().status == "succeeded"


def test_a_job_between_its_claim_and_its_batch_is_not_lost(shop):
    from apps.jobs.services.provider_batches.taking import take

    job = post(shop)
    assert [c.ticket.job_id for c in take(limit=9)] == [job.pk]
    pass_time(times.TAKEN + timedelta(seconds=1))
    sweep()
    assert (statuses([job]), lanes([job])) == (["queued"], ["returned"])
