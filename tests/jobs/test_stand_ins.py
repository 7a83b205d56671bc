"""A job is answered by the stand-in that its route names, and booked there."""

import pytest

from apps.gateway.types import CallSpec
from apps.jobs.services.submit import submit
from apps.ledger.models import Entry
from apps.registry.models import Deployment
from apps.routing.models import Route
from apps.routing.services import NewTarget, set_targets
from tests.factories import make_model, make_priced_deployment
from tests.jobs.conftest import draft, state
from tests.jobs.workers import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_refused_content_is_answered_by_the_one_that_is_named_for_it(
    busy_shop, start_worker, upstream
):
    small = Deployment.objects.get(slug="small-1")
    tolerant = make_priced_deployment(
        provider=small.provider, model=make_model("tolerant"), slug="tolerant-1"
    )
    route = Route.objects.create(slug="chat", name="Chat")
    targets = [NewTarget(small), NewTarget(tolerant, only_for="refused")]
    set_targets(route=route, targets=targets)
    upstream.behave(model="small", status=400, error={"code": "content_filter"})
    worker = start_worker()
    spec = CallSpec(model="chat", messages=({"role": "user", "content": "hello"},))

    job = submit(draft=draft(busy_shop, spec=spec)).job
    eventually(lambda: state(job).status == "succeeded", worker.explain)

    after = state(job)
    assert (after.deployment, after.attempts) == ("tolerant-1", 2)
    assert [entry["model"] for entry in upstream.log()] == ["small", "tolerant"]
    assert after.cost_pico == Entry.objects.get(job_id=job.pk).amount_pico > 0
