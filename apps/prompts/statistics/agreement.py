"""How steady answers are, and how far two judges agree."""

import math
from collections.abc import Mapping


def pass_at_k(*, passed: int, of: int, k: int) -> float:
    """The chance that at least one of `k` repeats passes, estimated without bias from `of` repeats
    (Chen et al.: “Evaluating Large Language Models Trained on Code”, 2021, equation 1)."""
    return 1 - math.comb(of - passed, k) / math.comb(of, k)


def pass_hat_k(*, passed: int, of: int, k: int) -> float:
    """The chance that all of `k` repeats pass (Yao et al.: “tau-bench”, 2024)."""
    return math.comb(passed, k) / math.comb(of, k)


def cohen_kappa(counts: Mapping[tuple[str, str], int]) -> float | None:
    """Agreement of two judges beyond chance (Cohen 1960): 1 is full, 0 is what chance would give.
    `counts`: (first judge's label, second judge's) → cases. None when nothing can be said: no
    cases, or both always gave one label."""
    total = sum(counts.values())
    if not total:
        return None
    labels = {label for pair in counts for label in pair}
    agreed = sum(counts.get((label, label), 0) for label in labels) / total
    chance = sum(_share(counts, 0, label) * _share(counts, 1, label) for label in labels)
    return None if chance == total * total else _beyond(agreed, chance / total / total)


def _share(counts: Mapping[tuple[str, str], int], judge: int, label: str) -> int:
    return sum(count for pair, count in counts.items() if pair[judge] == label)


def _beyond(agreed: float, chance: float) -> float:
    return (agreed - chance) / (1 - chance)
