"""A shop with one model, its API, and jobs in any state."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apps.access.models import Service
from apps.access.snapshot import caller_of
from apps.budgets.selectors import verify_windows
from apps.core.redis import client as redis_client
from apps.gateway.config import new_holder
from apps.gateway.types import CacheState, CallOutcome, CallSpec
from apps.jobs import specs
from apps.jobs.models import Delivery, Job, JobPayload, Priority, WebhookEndpoint
from apps.jobs.services import submit
from apps.jobs.services.batches import submit as batches
from apps.jobs.services.webhooks import endpoints
from apps.jobs.services.webhooks.endpoints import create_endpoint, send_test
from apps.jobs.types import Draft
from apps.ledger.models import Entry, EntryKind
from apps.prompts import services as prompts
from apps.prompts import snapshot
from apps.prompts.models import Channel, PromptVersion
from apps.prompts.validation import Content
from tests.budgets.conftest import make_budget
from tests.factories import (
    make_key,
    make_model,
    make_priced_deployment,
    make_provider,
    make_service,
)
from tests.fakes.fixtures import Upstream
from tests.jobs.bells import rung
from tests.jobs.receiver import Receiver
from tests.jobs.workers import Worker

MESSAGES = [{"role": "user", "content": "hello there"}]


class FreshConfig:
    """The configuration as the database has it now, without waiting for a poll."""

    def __init__(self) -> None:
        self._holder = new_holder()

    @property
    def current(self) -> Any:
        self._holder.refresh()
        return self._holder.current


@pytest.fixture(autouse=True)
def _fresh_config(monkeypatch: pytest.MonkeyPatch) -> None:
    config = FreshConfig()
    monkeypatch.setattr(submit, "web_config", lambda: config)
    monkeypatch.setattr(batches, "web_config", lambda: config)
    snapshot._cache.clear()


@pytest.fixture(autouse=True)
def _clean_redis() -> None:
    redis_client().flushdb()


@pytest.fixture
def shop(db: None) -> Service:
    """A service that may use the model “small”."""
    model = make_model("small", supports_json_schema=True)
    make_priced_deployment(model=model, slug="small-1", input_pico=1, output_pico=2)
    return make_service("shop")


class Api:
    """The jobs API as one service sees it."""

    def __init__(self, service: Service) -> None:
        self._client = Client(headers={"Authorization": f"Bearer {make_key(service)}"})

    def post(self, body: Any = None, /, *, path: str = "", **headers: str) -> HttpResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("Content-Type", "application/json")
        raw = body if isinstance(body, bytes) else json.dumps(body)
        return self._client.post(self._url(path), raw, content_type=content_type, headers=named)

    def get(self, path: str = "", **query: Any) -> HttpResponse:
        return self._client.get(self._url(path), query)

    def send(self, method: str, path: str, body: Any = None) -> HttpResponse:
        raw = b"" if body is None else json.dumps(body)
        return self._client.generic(method, self._url(path), raw, content_type="application/json")

    def _url(self, path: str) -> str:
        return path if path.startswith("/") else f"/api/v1/jobs/{path}"


@pytest.fixture
def api(shop: Service) -> Api:
    return Api(shop)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A server that takes webhooks; its address is on the allow-list."""
    running = Receiver()
    settings.OUTBOUND_ALLOWED_HOSTS = [running.host]
    yield running
    running.close()


@pytest.fixture
def endpoint(shop: Service, receiver: Receiver) -> WebhookEndpoint:
    """The shop's endpoint at the receiver, told of everything."""
    return create_endpoint(
        service_id=shop.pk, url=receiver.url, events=endpoints.SUBSCRIBABLE
    ).endpoint


@pytest.fixture
def make_job(shop: Service) -> Callable[..., Job]:
    """A job in any state; a running one has a lease and the fence 1."""

    def make(status: str = "queued", *, service: Service = shop, **values: Any) -> Job:
        now = timezone.now()
        times: dict[str, Any] = {"created_at": now, "next_run_at": now}
        times["deadline"] = now + timedelta(hours=1)
        if status == "running":
            times |= {"lease_until": now + timedelta(seconds=30), "started_at": now, "fence": 1}
        elif status != "queued":
            times["finished_at"] = now
        times |= {"fingerprint": "0" * 64, "request_id": "req_test", "model": "small"}
        job = Job.objects.create(service=service, status=status, **(times | values))
        spec = CallSpec(model="small", messages=tuple(MESSAGES))
        JobPayload.objects.create(job=job, request=specs.to_json(spec))
        return job

    return make


def draft(service: Service, **values: Any) -> Draft:
    defaults: dict[str, Any] = {
        "spec": CallSpec(model="small", messages=tuple(MESSAGES)),
        "fingerprint": "0" * 64,
        "priority": Priority.NORMAL,
        "deadline": timedelta(hours=1),
        "request_id": "req_test",
    }
    return Draft(caller=caller_of(service), **(defaults | values))


def outcome(text: str = "Hi!", **values: Any) -> CallOutcome:
    message = {"role": "assistant", "content": text}
    defaults: dict[str, Any] = {
        "body": {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]},
        "text": text,
        "finish_reason": "stop",
        "input_tokens": 7,
        "output_tokens": 3,
        "usage": {"in_uncached": 7, "out_text": 3},
        "cost_pico": 13,
        "avoided_pico": 0,
        "model": "small",
        "deployment": "small-1",
        "cache": CacheState.MISS,
        "attempts": 1,
    }
    return CallOutcome(**(defaults | values))


def state(job: Job) -> SimpleNamespace:
    """The job's row as it stands in the database."""
    return SimpleNamespace(**Job.objects.filter(pk=job.pk).values().get())


@pytest.fixture
def book(db: None) -> Callable[..., None]:
    """Put a charge for a job into the ledger."""

    def charge(job: Job, amount_pico: int, **values: Any) -> None:
        Entry.objects.create(
            at=timezone.now(),
            kind=EntryKind.CHARGE,
            amount_pico=amount_pico,
            request_id=job.request_id,
            job_id=job.pk,
            service="shop",
            team="shop-team",
            cost_center="cc-100",
            provider="faulty",
            model="small",
            deployment="small-1",
            **values,
        )

    return charge


@pytest.fixture
def other_shop(shop: Service) -> Service:
    return make_service("other-shop")


@pytest.fixture
def prompt(shop: Service) -> PromptVersion:
    """“greeting” v1, live on production: a required `name` and an optional `mood`."""
    content = Content(
        messages=[{"role": "user", "content": "Greet {{ name }}."}],
        variables={
            "name": {"type": "string", "required": True, "sample": "Ada"},
            "mood": {"type": "string", "required": False, "default": "warm"},
        },
        model="small",
        parameters={},
        response_schema=None,
    )
    row = prompts.create_prompt(slug="greeting", name="Greeting")
    made = prompts.new_draft(prompt=row, based_on=None, by=None)
    made = prompts.save_draft(version=made, content=content)
    sealed = prompts.seal_version(version=made, note="First.", now=timezone.now())
    channel = Channel.objects.get(slug="production")
    prompts.release(
        prompt=row, channel=channel, version=sealed, reason="First.", by=None, now=timezone.now()
    )
    return sealed


@pytest.fixture
def raw_messages() -> Callable[[str], list[dict[str, Any]]]:
    """Messages that wait in a queue of the broker."""

    def read(queue: str) -> list[dict[str, Any]]:
        waiting: list[bytes] = redis_client().lrange(queue, 0, -1)  # type: ignore[assignment]
        return [json.loads(message) for message in waiting]

    return read


@pytest.fixture
def waiting_bells(
    raw_messages: Callable[[str], list[dict[str, Any]]],
) -> Callable[[], dict[str, int]]:
    """How many bells each queue holds, when every ring so far has come through."""

    def count() -> dict[str, int]:
        rung()
        found = {queue: len(raw_messages(queue)) for queue in ("high", "normal", "low")}
        return {queue: number for queue, number in found.items() if number}

    return count


@pytest.fixture
def busy_shop(transactional_db: None, upstream: Upstream) -> Service:
    """A service, and the model “small” at the fake upstream, as other processes see them."""
    provider = make_provider(upstream.url, slug="faulty")
    model = make_model("small")
    make_priced_deployment(
        provider=provider, model=model, slug="small-1", input_pico=1, output_pico=2
    )
    return make_service("shop")


@pytest.fixture
def start_worker(
    busy_shop: Service, upstream: Upstream, tmp_path: Path
) -> Iterator[Callable[..., Worker]]:
    """Start a worker process and wait until it is ready; those that still run are killed."""
    workers: list[Worker] = []

    def start(**environment: str) -> Worker:
        allowed = {"OUTBOUND_ALLOWED_HOSTS": upstream.host}
        log = tmp_path / f"worker-{len(workers)}.log"
        workers.append(Worker(log, **(allowed | environment)))
        return workers[-1].wait_until_ready()

    yield start
    for worker in workers:
        if worker.process.poll() is None:
            worker.kill()


@pytest.fixture
def sent(endpoint: WebhookEndpoint) -> Delivery:
    """A test event on its way to the endpoint."""
    return send_test(endpoint_id=endpoint.pk)


@pytest.fixture
def made(api: Api) -> str:
    """The id of a batch of three."""
    rows = [{"model": "small", "messages": [{"role": "user", "content": str(i)}]} for i in range(3)]
    answer: str = api.post({"jobs": rows}, path="/api/v1/batches/").json()["id"]
    return answer


@pytest.fixture
def lane_shop(db: None, upstream: Upstream) -> Iterator[Service]:
    """With a batch lane. Whatever a test did to it: windows are what their holds and entries say,
    after all."""
    from tests.jobs.lane import make_lane  # which needs this file

    make_lane(upstream)
    make_budget("all", 10**12)
    yield make_service("shop")
    assert verify_windows() == []
