"""What the playground refuses, with every fault. Nothing was stored or spent."""

from collections.abc import Iterable

from apps.core.faults import Fault


class PlaygroundError(Exception):
    """The same stays refused until somebody does what a fault says."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(map(str, self.faults)))


def refused(detail: str, *, pointer: str = "", code: str) -> PlaygroundError:
    return PlaygroundError([Fault(pointer, detail, code)])
