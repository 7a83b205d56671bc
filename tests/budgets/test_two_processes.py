"""Two processes of 32 callers each spend one set of nested hard budgets; one of them is killed."""

import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction

from apps.budgets.models import Hold, Window
from apps.budgets.selectors import verify_windows
from apps.budgets.services import expire_holds
from apps.core.clock import db_now
from apps.ledger.models import Entry
from tests.budgets.clients import AMOUNT, call
from tests.budgets.conftest import make_budget
from tests.budgets.test_concurrent_holds import sampled
from tests.proof import examples
from tests.servers import ROOT, environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TRIES = examples(800)  # of both processes; 4,000 with PROOF_FACTOR=5


def callers() -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.budgets.clients", "32", str(TRIES // 2)]
    environ = environment(PYTHONWARNINGS="ignore")
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)


def read_some(process: "subprocess.Popen[str]", lines: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(lines)]


def test_nested_budgets_hold_while_a_process_is_killed():
    spent = TRIES * AMOUNT * 3 // 4  # about what all tries would cost
    make_budget("service", spent // 4, service="shop")
    make_budget("team", spent // 2, team="shop-team")
    make_budget("organisation", spent * 5 // 8)

    with sampled() as peaks, callers() as first, callers() as second:
        read_some(first, TRIES // 8)
        first.kill()
        outcomes = Counter(line.split()[0] for line in read_some(second, TRIES // 2))

    assert outcomes["admitted"] > 0
    assert outcomes["refused"] > 0
    assert set(outcomes) == {"admitted", "refused"}  # no deadlock, nothing else
    assert max(peaks) <= 0
    assert verify_windows() == []
    left = Hold.objects.filter(status="held").count()
    assert left <= 32  # what the killed callers had in flight

    with transaction.atomic():
        assert len(expire_holds(now=db_now() + timedelta(hours=1), limit=1_000)) == left
    assert set(Window.objects.values_list("held_pico", flat=True)) == {0}
    check_that_exactly_what_fits_is_admitted()
    assert verify_windows() == []


def check_that_exactly_what_fits_is_admitted() -> None:
    """One caller after the other, never ending: the next is refused when it would not fit."""
    for number in range(2 * TRIES):
        service = ("shop", "search")[number % 2]
        windows = Window.objects.exclude(budget__slug="service" if service == "search" else "")
        fits = all(w.posted_pico + w.held_pico + AMOUNT <= w.limit_pico for w in windows)
        assert call(number, dies=True) == fits
        if not fits and service == "search":
            break
    assert Entry.objects.count() > 0
