"""`manage.py checks`: what runs beside what, and what is said of it."""

import os
from contextlib import nullcontext

import pytest

from llmplatform.embedded import checks

# Opening a named pipe waits for whoever opens its other end.
WAITS = """
import sys
open(sys.argv[1]).close()
print("waited for the other")
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def two_checks(monkeypatch, tmp_path):
    """One that ends when the other has run; its exit code is given."""

    def given(code: int, other: str = "import sys; open(sys.argv[1], 'w').close()"):
        file = str(tmp_path / "there")
        os.mkfifo(file)
        waiting = ("-c", WAITS, file, str(code))
        monkeypatch.setattr(
            checks, "CHECKS", {checks.BESIDE: waiting, "other": ("-c", other, file)}
        )
        monkeypatch.setattr(checks, "throw_away_stack", lambda: nullcontext({}))

    return given


@pytest.mark.parametrize(
    ("code", "end"), [(0, "All checks passed.\n"), (1, f"Failed: {checks.BESIDE}.\n")]
)
def test_the_longest_check_runs_beside_the_others(two_checks, capsys, code, end):
    two_checks(code)

    assert checks.run_checks() == code
    assert capsys.readouterr().out.endswith(
        f"=== other ===\n\n=== {checks.BESIDE} ===\nwaited for the other\n\n{end}"
    )


def test_whoever_interrupts_the_others_ends_it_too(two_checks, capfd):
    two_checks(0, other=f"raise SystemExit({checks.INTERRUPTED})")

    assert checks.run_checks() == checks.INTERRUPTED
    assert "waited" not in capfd.readouterr().out
