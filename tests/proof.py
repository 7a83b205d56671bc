"""How long the searches for a counterexample last."""

import os


def examples(usual: int) -> int:
    """So many examples in a build; `PROOF_FACTOR=10` searches ten times as long (docs/proof.md)."""
    return usual * int(os.environ.get("PROOF_FACTOR", "1"))
