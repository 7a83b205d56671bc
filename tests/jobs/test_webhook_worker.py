"""A real worker tells the end of a real job, and what a dead one left is told by the next."""

import json

import pytest
from standardwebhooks import Webhook

from apps.jobs.models import Delivery
from apps.jobs.services.webhooks import deliver, endpoints
from apps.jobs.services.webhooks.endpoints import create_endpoint, send_test
from tests.jobs.test_worker import post
from tests.jobs.workers import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_the_end_of_a_job_is_told_once(busy_shop, start_worker, upstream, receiver):
    issued = create_endpoint(
        service_id=busy_shop.pk, url=receiver.url, events=endpoints.SUBSCRIBABLE
    )
    left = send_test(endpoint_id=issued.endpoint.pk)
    deliver.claim(limit=1)  # by a worker that died
    Delivery.objects.update(next_try_at=left.created_at)

    worker = start_worker(OUTBOUND_ALLOWED_HOSTS=f"{upstream.host},{receiver.host}")
    job = post(busy_shop, "hello there")
    eventually(lambda: Delivery.objects.filter(status="delivered").count() == 2, worker.explain)

    told = [Webhook(issued.secret).verify(got.body, got.headers) for got in receiver.received]
    assert sorted(event["type"] for event in told) == ["job.succeeded", "test"]
    [ended] = [event["data"] for event in told if event["type"] == "job.succeeded"]
    assert (ended["id"], ended["status"]) == (str(job.pk), "succeeded")
    assert json.loads(receiver.received[0].body)
    assert "whsec_" not in worker.output()
