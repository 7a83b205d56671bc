"""How long the searches for a counterexample last, and how often each invariant was checked."""

import os
from collections import Counter

CHECKED: Counter[str] = Counter()
"""Invariant (`I1` … `I10`, docs/proof.md) → checks in this process; printed after the tests."""


def examples(usual: int) -> int:
    """So many examples in a build; `PROOF_FACTOR=10` searches ten times as long (docs/proof.md)."""
    return usual * int(os.environ.get("PROOF_FACTOR", "1"))


def checked(*invariants: str) -> None:
    """Call it after an assertion that these invariants hold in the state just reached."""
    CHECKED.update(invariants)


def tally() -> str:
    """One line in the order of the invariants, "" when none was checked."""
    inorder = sorted(CHECKED.items(), key=lambda item: int(item[0][1:]))
    return ", ".join(f"{name} {times:,}" for name, times in inorder)
