"""`manage.py checks`: what runs beside what, and what is said of it."""

from contextlib import nullcontext

import pytest

from llmplatform.embedded import checks

WAITS = """
import pathlib, sys, time
until = time.monotonic() + 60
while not pathlib.Path(sys.argv[1]).exists():
    if time.monotonic() > until: sys.exit(3)
    time.sleep(0.01)
print("waited for the other")
sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def two_checks(monkeypatch, tmp_path):
    """One that ends when the other has run; its exit code is given."""

    def given(code: int, other: str = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch()"):
        file = str(tmp_path / "there")
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
