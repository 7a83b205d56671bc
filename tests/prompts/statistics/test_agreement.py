import pytest

from apps.prompts.statistics import cohen_kappa


def test_textbook_case() -> None:
    """Of 50 proposals two readers agreed on 35, of which 27 by chance: (0.7 - 0.5) / 0.5."""
    counts = {("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}
    assert cohen_kappa(counts) == pytest.approx(0.4)


def test_full_agreement_and_its_opposite() -> None:
    assert cohen_kappa({("y", "y"): 3, ("n", "n"): 4}) == 1
    assert cohen_kappa({("y", "n"): 3, ("n", "y"): 3}) == -1


@pytest.mark.parametrize("counts", [{}, {("y", "y"): 9}])
def test_nothing_can_be_said(counts: dict[tuple[str, str], int]) -> None:
    assert cohen_kappa(counts) is None
