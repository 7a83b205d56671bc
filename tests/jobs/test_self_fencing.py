"""A worker that stood still longer than a lease sends nothing more, before anybody tells it."""

import socket
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection, transaction

from apps.core.clock import steady
from apps.core.ids import uuid7
from apps.gateway.runtime import Runtime
from apps.gateway.types import CallRefused, CallSpec
from apps.jobs.services.claim import claim
from apps.jobs.services.submit import submit
from apps.jobs.services.sweep import sweep
from apps.jobs.types import Ticket
from apps.jobs.worker.leases import Leases
from apps.ledger.models import Attempt, Entry
from apps.registry.models import Deployment, Provider
from tests.gateway.conftest import make_call, run_calls
from tests.jobs.conftest import MESSAGES, draft, state
from tests.jobs.workers import eventually

pytestmark = pytest.mark.django_db(transaction=True)
SYN_SENT = "02"  # in /proc/net/tcp
COMMIT = 0x11A5E  # the advisory lock that a commit of an attempt waits for
LONG = 30.0  # seconds
ONE = Ticket(uuid7(), 1)


@contextmanager
def commits_wait():
    """The commit of every attempt waits until this ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"""
            CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_advisory_xact_lock_shared({COMMIT}); RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON ledger_attempt
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow_commit();
            SELECT pg_advisory_lock({COMMIT});
        """)
        try:
            yield
        finally:
            cursor.execute(f"SELECT pg_advisory_unlock({COMMIT})")


@pytest.fixture
def _no_trigger():
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION IF EXISTS slow_commit CASCADE")


def commit_is_waiting():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return cursor.fetchone()[0] == 1


def taken_over(job):
    """The sweeper gives it back when its lease has run out, and another worker claims it."""
    sweep()
    return any(found.ticket.job_id == job.pk for found in claim(limit=1))


@pytest.mark.slow
@pytest.mark.usefixtures("_no_trigger")
def test_a_worker_that_is_paused_between_commit_and_sending_does_not_send(
    busy_shop, start_worker, upstream
):
    worker = start_worker()
    with commits_wait():
        job = submit(draft=draft(busy_shop)).job
        eventually(commit_is_waiting, worker.explain)
        worker.pause()
    eventually(lambda: Attempt.objects.filter(status="dispatched").exists(), worker.explain)
    eventually(lambda: taken_over(job), worker.explain)
    fence = state(job).fence

    worker.go_on()
    eventually(lambda: "jobs_lost" in worker.output(), worker.explain)
    warm = submit(draft=draft(busy_shop, request_id="req_afterwards")).job
    eventually(lambda: state(warm).status == "succeeded", worker.explain)

    assert len(upstream.log()) == 1  # the one afterwards: it works, and has sent nothing else
    assert (state(job).status, state(job).fence) == ("running", fence)
    assert not Entry.objects.filter(job_id=job.pk, kind="charge").exists()


@pytest.fixture
def full_server():
    """A server whose queue of new connections is full: who connects waits until it is emptied."""
    with socket.socket() as server, socket.socket() as filler:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        filler.connect(server.getsockname())
        server.settimeout(20)
        yield server


def is_connecting(server):
    """Whether somebody has asked for a connection that the server has no room for."""
    port = f":{server.getsockname()[1]:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[2].endswith(port) and row[3] == SYN_SENT for row in rows)


@pytest.mark.slow
def test_a_worker_that_is_paused_while_it_connects_does_not_send(
    busy_shop, start_worker, full_server
):
    url = f"http://127.0.0.1:{full_server.getsockname()[1]}/v1"
    Provider.objects.filter(slug="faulty").update(base_url=url)
    Deployment.objects.update(connect_timeout_seconds=LONG)
    worker = start_worker(OUTBOUND_ALLOWED_HOSTS=urlsplit(url).netloc)
    job = submit(draft=draft(busy_shop)).job
    eventually(lambda: is_connecting(full_server), worker.explain)
    worker.pause()
    full_server.accept()[0].close()  # the filler: now there is room
    waiting, _ = full_server.accept()  # the kernel has connected it; the worker does not know yet
    with waiting:
        eventually(lambda: taken_over(job), worker.explain)
        worker.go_on()
        waiting.settimeout(20)
        assert waiting.recv(65536) == b""  # closed without a word
    eventually(lambda: "jobs_lost" in worker.output(), worker.explain)


def test_what_may_not_be_sent_costs_nothing_and_comes_back(busy_shop, upstream):
    runtime = Runtime()
    runtime.start()
    try:
        spec = CallSpec(model="small", messages=tuple(MESSAGES))
        call = make_call(busy_shop, spec, may_send=lambda: False)
        [refusal] = run_calls(runtime, [call], raising=False)
    finally:
        runtime.stop(grace_seconds=5)

    assert isinstance(refusal, CallRefused)
    assert (refusal.code, refusal.retry_after) == ("lease_over", 1)
    assert upstream.log() == []
    assert Entry.objects.count() == 0
    assert Attempt.objects.get().error_kind == "lease_over"


def test_nothing_is_sent_in_the_last_tenth_of_a_lease():
    leases = Leases(seconds=LONG)

    leases.begin(ONE, at=steady() - LONG * 0.85)
    assert leases.may_send(ONE)
    assert leases.ending_within(1) == []
    leases.begin(ONE, at=steady() - LONG * 0.91)
    assert not leases.may_send(ONE)
    assert leases.ending_within(LONG * 0.05) == []
    assert leases.ending_within(LONG * 0.1) == [ONE]


def test_a_lease_is_renewed_forwards_only_and_ends_for_good():
    leases, again = Leases(seconds=LONG), Ticket(ONE.job_id, 2)
    leases.begin(ONE, at=steady() - LONG)
    leases.renew([ONE], at=steady())
    leases.renew([ONE], at=steady() - LONG)
    assert leases.may_send(ONE)

    leases.begin(again, at=steady() - LONG)  # claimed anew by the same process
    assert (leases.may_send(ONE), leases.may_send(again)) == (True, False)
    leases.end(ONE)
    leases.renew([ONE], at=steady())
    assert not leases.may_send(ONE)


def test_a_renewal_counts_only_once_it_is_committed(make_job):
    job, leases = make_job("running"), Leases(seconds=LONG)
    ticket, taken = Ticket(job.pk, 1), Ticket(make_job("running").pk, 9)
    for each in (ticket, taken):
        leases.begin(each, at=steady() - LONG)

    with transaction.atomic():
        leases.lost([ticket])
        transaction.set_rollback(True)
    assert not leases.may_send(ticket)

    with transaction.atomic():
        assert leases.lost([ticket, taken]) == {taken}
        assert not leases.may_send(ticket)
    assert (leases.may_send(ticket), leases.may_send(taken)) == (True, False)
