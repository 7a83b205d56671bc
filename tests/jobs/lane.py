"""Jobs in the batch lane, and a clock that only the test moves."""

from datetime import timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Sum
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable

from apps.access.models import Service
from apps.budgets.models import Hold
from apps.gateway.types import CallSpec
from apps.jobs.models import Job, ProviderBatch, ProviderBatchRow
from apps.jobs.services.provider_batches import times
from apps.jobs.services.provider_batches.round import run_round
from apps.jobs.services.submit import submit
from apps.jobs.verifying import verify_costs
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Deployment, UsageClass
from tests.factories import make_model, make_price, make_priced_deployment, make_provider
from tests.fakes.fixtures import Upstream
from tests.jobs.conftest import FreshConfig, draft

INPUT, OUTPUT = 10, 20  # pico-USD a token, at the standard tier; half of that in a batch
_TIMES = {
    "jobs_job": ("created_at", "next_run_at", "deadline", "lease_until"),
    "jobs_providerbatch": (
        "created_at",
        "return_by",
        "creating_at",
        "next_look_at",
        "lease_until",
    ),
    "jobs_providerbatchrow": ("leave_by",),
}


def make_lane(upstream: Upstream) -> Deployment:
    """The model “small” at a provider that offers the lane."""
    deployment = make_priced_deployment(
        provider=make_provider(upstream.url, slug="faulty"),
        model=make_model("small"),
        slug="small-1",
        input_pico=INPUT,
        output_pico=OUTPUT,
        batch_lane=True,
    )
    for usage_class, price in ((UsageClass.IN_UNCACHED, INPUT), (UsageClass.OUT_TEXT, OUTPUT)):
        make_price(deployment, usage_class, price // 2, service_tier="batch")
    return deployment


def post(service: Service, text: str = "hello there", **values: Any) -> Job:
    spec = CallSpec(
        model="small",
        messages=({"role": "user", "content": text},),
        parameters={"max_tokens": 50},
    )
    defaults: dict[str, Any] = {"spec": spec, "deadline": timedelta(hours=8), "may_wait": True}
    return submit(draft=draft(service, **(defaults | values))).job


def pass_time(by: timedelta) -> None:
    for table, names in _TIMES.items():
        moves = ", ".join(f"{name} = {name} - %(by)s" for name in names)
        while not _moved(f"UPDATE {table} SET {moves}", by):
            pass


def _moved(sql: str, by: timedelta) -> bool:
    """False where another process holds a row: it may be waiting for one that we hold, and must
    not be the one that is chosen to end the deadlock."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            cursor.execute(sql, {"by": by})
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True


def let_time_pass(by: timedelta) -> None:
    """The same while all wait for it; on a slow machine the clock waits for what is due, so that
    no job's deadline comes because a process took long to start."""
    going = ProviderBatch.objects.exclude(state="ended")
    if going.exists() and not going.filter(next_look_at__lte=Now()).exists():
        pass_time(by)


def round_() -> int:
    return run_round(config=FreshConfig().current)


def gathered() -> None:
    """The jobs have waited long enough for each other."""
    pass_time(times.GATHER + timedelta(seconds=1))
    round_()


def next_round() -> int:
    pass_time(times.LOOK + timedelta(seconds=1))
    return round_()


def paid(upstream: Upstream) -> int:
    """What the provider's batches would bill, by its own record, at the batch's price."""
    usages = [u for batch in upstream.store()["batches"] for u in batch["ran"].values()]
    tokens = [(usage["prompt_tokens"], usage["completion_tokens"]) for usage in usages]
    return sum(read * INPUT // 2 + said * OUTPUT // 2 for read, said in tokens)


def booked() -> int:
    return int(Entry.objects.aggregate(total=Sum("amount_pico"))["total"] or 0)


def held() -> int:
    """What open holds keep from budgets."""
    open_ = Hold.objects.filter(status="held")
    return sum(hold.amount_pico - hold.posted_pico for hold in open_)


def statuses(jobs: list[Job]) -> list[str]:
    found = dict(Job.objects.values_list("pk", "status"))
    return [found[job.pk] for job in jobs]


def lanes(jobs: list[Job]) -> list[str]:
    found = dict(Job.objects.values_list("pk", "lane"))
    return [found[job.pk] for job in jobs]


def attempts() -> list[str]:
    return list(Attempt.objects.order_by("id").values_list("status", flat=True))


def sound() -> None:
    """What jobs say that they cost is what the ledger says."""
    assert verify_costs() == []


def batch() -> ProviderBatch:
    return ProviderBatch.objects.get()


def outcomes() -> list[str]:
    return list(ProviderBatchRow.objects.order_by("index").values_list("outcome", flat=True))


def run_to_the_end(looks: int = 6) -> None:
    for _ in range(looks):
        next_round()
    assert batch().state == "ended"
