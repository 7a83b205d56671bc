"""A short run of the whole product under faults. The long ones are described in docs/proof.md."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos import mutants
from tests.chaos.plan import FULL, SMALL, TIMED_KILLS, plan

ROOT = Path(__file__).resolve().parents[2]


def run(*options: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: it points Django at servers of its own."""
    command = [sys.executable, "-m", "tests.chaos.run", *options]
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_URL")}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=400
    )


def test_a_seed_decides_the_plan():
    assert plan(3) == plan(3) != plan(4)
    assert sorted(step.kind for step in plan(3)) == sorted([*FULL, *["kill"] * TIMED_KILLS])


def test_every_mutant_is_known():
    assert set(mutants.NAMES) == set(mutants.FAULTS)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_sixty_jobs_survive_five_faults(tmp_path):
    numbers = tmp_path / "numbers.json"

    done = run("--seed=7", "--jobs=60", "--small", "--seconds=40", f"--json={numbers}")

    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    found = json.loads(numbers.read_text())
    assert (found["jobs"], found["succeeded"], found["faults"]) == (60, 60, len(SMALL))
    assert found["violations"] == 0


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_the_checker_catches_an_index_that_is_gone():
    done = run("--mutant=no_unique_index", "--jobs=40", "--seconds=10")

    assert done.returncode == 1, done.stdout + done.stderr[-4000:]
    assert "accepted_twice" in done.stdout
