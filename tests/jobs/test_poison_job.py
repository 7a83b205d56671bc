"""A job that kills its worker is given up; those that ran beside it are answered."""

from collections import Counter

import pytest

from apps.gateway.types import CallSpec
from apps.jobs.models import Job
from apps.jobs.services.submit import submit
from apps.jobs.services.sweep import sweep
from apps.registry.models import Provider
from tests.factories import make_model, make_priced_deployment
from tests.jobs.conftest import draft, state
from tests.jobs.workers import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
RUNS = 3  # that a job may lose
NEIGHBOURS = 4


def post(service, model):
    spec = CallSpec(model=model, messages=({"role": "user", "content": "hello"},), cache="bypass")
    return submit(draft=draft(service, spec=spec)).job


def test_the_poison_is_given_up_and_its_neighbours_are_answered(
    busy_shop, start_worker, upstream, settings
):
    settings.JOB_MAX_ATTEMPTS = RUNS
    provider = Provider.objects.get(slug="faulty")
    make_priced_deployment(provider=provider, model=make_model("poison"), slug="poison-1")
    upstream.behave(model="poison", latency=120)
    upstream.behave(model="small", latency=120, times=2 * NEIGHBOURS)
    upstream.behave(model="small", latency=1)
    poison = post(busy_shop, "poison")
    neighbours = [post(busy_shop, "small") for _ in range(NEIGHBOURS)]

    def sent(model):
        sweep()
        return sum(call["model"] == model for call in upstream.log())

    for run in range(1, RUNS + 1):  # whoever sends the poison dies as soon as all have sent
        worker = start_worker(JOB_MAX_ATTEMPTS=str(RUNS))
        eventually(lambda: sent("poison") == run, worker.explain, seconds=60)  # noqa: B023
        if run < RUNS:  # both times the others die with it
            eventually(lambda: sent("small") == run * NEIGHBOURS, worker.explain)  # noqa: B023
        worker.kill()
    worker = start_worker(JOB_MAX_ATTEMPTS=str(RUNS))

    def all_ended():
        sweep()
        return not Job.objects.filter(status__in=["queued", "running"]).exists()

    eventually(all_ended, worker.explain, seconds=60)
    assert (state(poison).status, state(poison).error_code) == ("failed", "dead_letter")
    assert Counter(state(job).status for job in neighbours) == {"succeeded": NEIGHBOURS}
    assert sent("poison") == RUNS
