"""What an evaluation's service refuses, with every fault. Permanent: the same stays refused."""

from collections.abc import Iterable

from apps.core.faults import Fault


class EvalError(Exception):
    """Not possible now; nothing was stored."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(map(str, self.faults)))


def refused(detail: str, *, pointer: str = "", code: str) -> EvalError:
    return EvalError([Fault(pointer, detail, code)])
