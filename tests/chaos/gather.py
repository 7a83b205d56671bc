"""The run's own database: what it needs before, and the facts that are read from it after."""

import os
import subprocess
from collections.abc import Sequence
from typing import Any

from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection

from llmplatform.embedded.postgres import binaries
from tests.chaos.facts import (
    Attempt,
    Call,
    Entry,
    Facts,
    Fault,
    Hold,
    Job,
    Move,
    Submission,
    Window,
)
from tests.chaos.stack import LEASE_SECONDS

INPUT_PICO, OUTPUT_PICO = 150_000, 600_000  # pico-USD a token
# Every write of a status or a fence, by the database's clock; costs alone are no such write.
_WITNESS = """
    CREATE TABLE chaos_move (
        number bigserial PRIMARY KEY, job_id uuid, at timestamptz, old text, new text, fence bigint
    );
    CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO chaos_move (job_id, at, old, new, fence) VALUES (
            NEW.id, clock_timestamp(),
            CASE WHEN TG_OP = 'INSERT' THEN '' ELSE OLD.status END, NEW.status, NEW.fence
        );
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos_note AFTER INSERT OR UPDATE OF status, fence ON jobs_job
        FOR EACH ROW EXECUTE FUNCTION chaos_note();
"""


def prepare_database(upstream_url: str) -> str:
    """Tables, the witness, and a shop with one model and two budgets; its API key."""
    from apps.budgets.models import Budget
    from tests.factories import (
        make_key,
        make_model,
        make_priced_deployment,
        make_provider,
        make_service,
    )

    if dump := os.environ.get("TEST_DATABASE_DUMP"):  # `migrate` then has little to do
        psql = [binaries() / "psql", "--quiet", "--output=/dev/null", f"--file={dump}"]
        subprocess.run([*psql, os.environ["DATABASE_URL"]], check=True)
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # of this connection; only until the run
        call_command("migrate", verbosity=0)
        cursor.execute(_WITNESS)
    make_priced_deployment(
        provider=make_provider(upstream_url, slug="faulty"),
        model=make_model("small"),
        slug="small-1",
        input_pico=INPUT_PICO,
        output_pico=OUTPUT_PICO,
        read_timeout_seconds=8,
    )
    service = make_service("shop")
    limit = 10**18
    Budget.objects.create(slug="shop", name="Shop", service="shop", limit_pico=limit, hard=True)
    Budget.objects.create(
        slug="shop-team", name="Team", team="shop-team", limit_pico=limit, hard=False
    )
    key = make_key(service)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
    connection.close()
    return key


def count_open() -> int | None:
    """Jobs and attempts that have not ended; None while the database is away."""
    try:
        return int(
            _rows(
                "SELECT (SELECT count(*) FROM jobs_job WHERE status IN ('queued', 'running'))"
                " + (SELECT count(*) FROM ledger_attempt WHERE status = 'dispatched')"
            )[0][0]
        )
    except DatabaseError:
        connection.close()
        return None


def facts(
    *,
    submissions: Sequence[Submission],
    faults: Sequence[Fault],
    report: dict[str, Any],
    **extra: Any,
) -> Facts:
    """`report` is the upstream's."""
    planned = report["planned"]
    return Facts(
        lease_seconds=LEASE_SECONDS,
        submissions=tuple(submissions),
        faults=tuple(faults),
        calls=tuple(_call(entry, planned) for entry in report["log"]),
        jobs=_read(
            Job,
            "SELECT job.id::text, coalesce(idempotency_key, ''), status, error_code,"
            " coalesce(payload.result->>'text', ''), cost_pico"
            " FROM jobs_job job LEFT JOIN jobs_jobpayload payload ON payload.job_id = job.id",
        ),
        moves=_read(
            Move,
            "SELECT job_id::text, extract(epoch FROM at)::float8, old, new, fence"
            " FROM chaos_move ORDER BY number",
        ),
        attempts=_read(
            Attempt,
            "SELECT id::text, coalesce(job_id::text, ''), status, provider_request_id, error_kind"
            " FROM ledger_attempt",
        ),
        entries=_read(
            Entry,
            "SELECT id::text, coalesce(attempt_id::text, ''), kind, amount_pico,"
            " coalesce(reverses_id::text, '') FROM ledger_entry",
        ),
        holds=_read(Hold, "SELECT id::text, status, amount_pico, posted_pico FROM budgets_hold"),
        windows=_read(
            Window,
            "SELECT budget.slug, w.limit_pico, w.posted_pico, w.held_pico, w.hard"
            " FROM budgets_window w JOIN budgets_budget budget ON budget.id = w.budget_id",
        ),
        ledger_faults=_verify_ledger(),
        extra=extra,
    )


def _verify_ledger() -> tuple[str, ...]:
    try:
        call_command("verify_ledger", verbosity=0, stdout=_Silent())
    except CommandError as error:
        return tuple(str(error).splitlines())
    return ()


class _Silent:
    def write(self, text: str) -> int:
        return len(text)


def _call(entry: dict[str, Any], planned: dict[str, str]) -> Call:
    usage = entry["usage"] or {}
    cost = INPUT_PICO * usage.get("prompt_tokens", 0)
    cost += OUTPUT_PICO * usage.get("completion_tokens", 0)
    return Call(
        number=entry["number"],
        text=entry["body"]["messages"][-1]["content"],
        at=entry["at"],
        ended=entry["finished_at"],
        answered=entry["answered"],
        fault=planned.get(str(entry["number"]), ""),
        cost_pico=cost,
    )


def _read(kind: type[Any], query: str) -> tuple[Any, ...]:
    return tuple(kind(*row) for row in _rows(query))


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())
