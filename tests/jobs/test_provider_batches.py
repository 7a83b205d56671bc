"""Jobs that may wait go through a provider's Batch API, at its price and with the same promises."""

from datetime import timedelta

import pytest

from apps.jobs.models import Job, JobPayload, ProviderBatch, ProviderBatchRow
from apps.jobs.services.claim import claim
from apps.jobs.services.provider_batches import times
from apps.jobs.waiting import waiting_of
from apps.ledger.models import Entry
from apps.registry.models import Deployment, Price
from tests.budgets.conftest import make_budget
from tests.jobs.conftest import state
from tests.jobs.lane import (
    attempts,
    batch,
    booked,
    gathered,
    held,
    lanes,
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


def test_jobs_are_answered_at_half_the_price(lane_shop, upstream):
    jobs = [post(lane_shop, f"hello number {number}") for number in range(3)]
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


def test_everything_is_durable_before_anything_is_sent(lane_shop, upstream):
    upstream.batches(faults={"upload": [500]})
    job = post(lane_shop)
    gathered()
    assert [b["id"] for b in upstream.store()["batches"]] == []
    assert (batch().state, attempts(), state(job).lane) == ("gathered", ["dispatched"], "batch")
    assert ProviderBatchRow.objects.get().line


def test_what_was_sent_is_not_kept_a_second_time(lane_shop):
    post(lane_shop)
    gathered()
    assert ProviderBatchRow.objects.get().line == ""


def test_a_lone_job_waits_a_moment_for_others(lane_shop, upstream):
    first = post(lane_shop)
    round_()
    assert state(first).status == "queued"
    assert waiting_of(Job.objects.get(pk=first.pk)).reason == "gathering"
    pass_time(times.GATHER)
    second = post(lane_shop)
    round_()
    assert batch().total == 2
    assert waiting_of(Job.objects.get(pk=second.pk)).reason == "provider_batch"


def test_very_different_deadlines_do_not_share_a_batch(lane_shop):
    post(lane_shop, deadline=3 * HOUR)
    post(lane_shop, deadline=23 * HOUR)
    gathered()
    assert sorted(ProviderBatch.objects.values_list("total", flat=True)) == [1, 1]


@pytest.mark.parametrize(
    "values",
    [{"may_wait": False}, {"deadline": HOUR}],
    ids=["not allowed", "no time"],
)
def test_it_is_for_those_who_may_wait_and_have_the_time(lane_shop, values):
    job = post(lane_shop, **values)
    assert (state(job).lane, [c.ticket.job_id for c in claim(limit=9)]) == ("", [job.pk])


def test_a_deployment_must_offer_it(lane_shop):
    Deployment.objects.update(batch_lane=False)
    assert state(post(lane_shop)).lane == ""


def test_without_a_price_of_the_lane_a_job_goes_the_normal_way(lane_shop, upstream):
    job = post(lane_shop)
    prices = Price.objects.filter(service_tier="batch")
    for price in prices:
        price.valid = (price.valid.lower, job.created_at)
        price.save()
    gathered()
    assert (statuses([job]), lanes([job]), attempts()) == (["queued"], ["returned"], [])
    assert [c.ticket.job_id for c in claim(limit=9)] == [job.pk]


def test_when_nobody_gathers_the_normal_way_is_open(lane_shop):
    job = post(lane_shop)
    assert claim(limit=9) == []
    pass_time(times.PATIENCE)
    assert [c.ticket.job_id for c in claim(limit=9)] == [job.pk]


def test_a_budget_without_room_is_asked_again_on_the_normal_way(lane_shop, upstream):
    make_budget("tight", 1, service="shop")
    job = post(lane_shop)
    gathered()
    assert (statuses([job]), lanes([job]), attempts(), held()) == (["queued"], ["returned"], [], 0)
    assert ProviderBatch.objects.count() == 0
