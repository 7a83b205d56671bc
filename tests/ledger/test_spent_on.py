"""What an entry's money was spent on: an answer, a test, or nothing."""

import pytest

from apps.core.ids import uuid7
from apps.ledger.models import Entry, Purpose
from apps.ledger.services import close_attempts, resolve_orphans
from tests.ledger.conftest import NOW, end_of

pytestmark = pytest.mark.django_db
SERVING = ("answer", "retry", "fallback", "hedge")
OTHERS = ("shadow", "similar", "evaluation", "playground")


def spent() -> list[tuple[str, str]]:
    return list(Entry.objects.order_by("id").values_list("kind", "purpose"))


@pytest.mark.parametrize("status", ["succeeded", "failed"])
@pytest.mark.parametrize("purpose", [*SERVING, *OTHERS])
def test_a_failure_that_was_billed_served_nobody(opened, purpose, status):
    start = opened(purpose=purpose)

    close_attempts(ends=[end_of(start, status=status)], now=NOW)

    nothing = status == "failed" and purpose in SERVING
    assert spent() == [("charge", Purpose.FAILED if nothing else purpose)]


@pytest.mark.parametrize("purpose", SERVING)
def test_a_truth_that_came_too_late(opened, purpose):
    """The estimate said “no answer”, and its reversal takes exactly that away again."""
    start = opened(purpose=purpose)
    close_attempts(ends=[end_of(start, status="unknown", kind="estimate")], now=NOW)
    close_attempts(ends=[end_of(start)], now=NOW)

    assert spent() == [("estimate", "failed"), ("reversal", "failed"), ("late_charge", "late")]


def test_a_dead_worker_served_nobody(opened):
    start = opened(purpose="retry")

    resolve_orphans(attempts={start.id: 5, uuid7(): 6}, now=NOW)

    assert spent() == [("estimate", "failed")]


def test_an_evaluation_pays_for_its_own_lateness(opened):
    start = opened(purpose="evaluation")
    close_attempts(ends=[end_of(start, status="unknown", kind="estimate")], now=NOW)
    close_attempts(ends=[end_of(start)], now=NOW)

    assert {purpose for _, purpose in spent()} == {"evaluation"}


@pytest.mark.parametrize("status", ["succeeded", "unknown"])
@pytest.mark.parametrize("purpose", ["answer", "hedge"])
def test_whoever_was_outrun_served_nobody(opened, purpose, status):
    kind = "charge" if status == "succeeded" else "estimate"

    close_attempts(
        ends=[end_of(opened(purpose=purpose), status=status, kind=kind, error_kind="outrun")],
        now=NOW,
    )

    assert spent() == [(kind, "outrun")]


def test_an_evaluation_pays_for_its_own_races(opened):
    start = opened(purpose="evaluation")

    close_attempts(ends=[end_of(start, error_kind="outrun")], now=NOW)

    assert spent() == [("charge", "evaluation")]
