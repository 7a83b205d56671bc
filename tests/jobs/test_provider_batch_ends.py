"""Jobs in a Batch API are stopped, or run out of time."""

from datetime import timedelta

from apps.jobs.services.cancel import cancel
from apps.jobs.services.claim import claim
from apps.jobs.services.provider_batches import times
from apps.jobs.services.sweep import sweep
from apps.ledger.models import Attempt, Entry
from tests.jobs.lane import (
    attempts,
    booked,
    gathered,
    held,
    lanes,
    next_round,
    outcomes,
    paid,
    pass_time,
    post,
    round_,
    run_to_the_end,
    sound,
    statuses,
)

HOUR = timedelta(hours=1)


def test_a_job_that_is_stopped_before_it_is_sent_costs_nothing(lane_shop, upstream):
    upstream.batches(faults={"upload": [500]})
    jobs = [post(lane_shop) for _ in range(2)]
    gathered()
    cancel(job_id=jobs[0].pk)
    run_to_the_end()
    assert statuses(jobs) == ["cancelled", "succeeded"]
    assert outcomes() == ["not_run", "answered"]
    assert (booked(), held()) == (paid(upstream), 0)


def test_a_job_that_is_stopped_at_the_provider_is_paid_when_it_ran(lane_shop, upstream):
    upstream.batches(looks=3)
    jobs = [post(lane_shop) for _ in range(2)]
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


def test_a_batch_that_nobody_waits_for_is_cancelled_there(lane_shop, upstream):
    upstream.batches(looks=None, run=0)
    job = post(lane_shop)
    gathered()
    cancel(job_id=job.pk)
    run_to_the_end()
    assert (statuses([job]), booked(), held()) == (["cancelled"], 0, 0)
    assert upstream.store()["batches"][0]["status"] == "cancelled"


def test_what_is_not_back_in_time_is_called_back_and_goes_the_normal_way(lane_shop, upstream):
    upstream.batches(looks=None, run=0)
    job = post(lane_shop, deadline=3 * HOUR)
    gathered()
    next_round()
    pass_time(3 * HOUR - times.RETURN)
    run_to_the_end()
    assert (statuses([job]), lanes([job]), outcomes()) == (["queued"], ["returned"], ["not_run"])
    assert (booked(), held()) == (0, 0)
    assert [c.ticket.job_id for c in claim(limit=9)] == [job.pk]


def test_a_provider_that_says_nothing_holds_no_job_beyond_its_time(lane_shop, upstream):
    upstream.batches(faults={"get": [500] * 9})
    job = post(lane_shop, deadline=3 * HOUR)
    gathered()
    pass_time(3 * HOUR - times.LEAVE)
    round_()
    assert (statuses([job]), lanes([job]), attempts()) == (["queued"], ["returned"], ["unknown"])
    assert held() > 0
    run_to_the_end(14)  # the truth comes late, and replaces the estimate
    assert (booked(), held(), outcomes()) == (paid(upstream), 0, ["answered"])
    assert Entry.objects.filter(kind="late_charge").count() == 1
    assert statuses([job]) == ["queued"]


def test_what_had_been_answered_when_it_was_called_back_counts(lane_shop, upstream):
    upstream.batches(looks=None, run=1)
    jobs = [post(lane_shop, deadline=3 * HOUR) for _ in range(2)]
    gathered()
    next_round()
    pass_time(3 * HOUR - times.RETURN)
    run_to_the_end()
    assert (statuses(jobs), outcomes()) == (["succeeded", "queued"], ["answered", "not_run"])
    assert (booked(), held()) == (paid(upstream), 0)


def test_when_nobody_looks_after_batches_the_sweeper_takes_their_jobs(lane_shop, upstream):
    job = post(lane_shop, deadline=3 * HOUR)
    gathered()
    pass_time(3 * HOUR - times.LEASE)
    sweep()
    assert (statuses([job]), lanes([job]), attempts()) == (["queued"], ["returned"], ["unknown"])
    run_to_the_end()
    assert (booked(), held(), outcomes()) == (paid(upstream), 0, ["answered"])
    assert statuses([job]) == ["queued"]
    assert Attempt.objects.get().status == "succeeded"


def test_a_job_between_its_claim_and_its_batch_is_not_lost(lane_shop):
    from apps.jobs.services.provider_batches.taking import take

    job = post(lane_shop)
    assert [c.ticket.job_id for c in take(limit=9)] == [job.pk]
    pass_time(times.TAKEN + timedelta(seconds=1))
    sweep()
    assert (statuses([job]), lanes([job])) == (["queued"], ["returned"])
