"""What a prompt service refuses, with every fault. Permanent: the same request stays refused."""

from collections.abc import Iterable

from apps.core.faults import Fault


class PromptError(Exception):
    """A write that is not possible now; nothing was stored."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(fault.detail for fault in self.faults))


class DraftConflict(PromptError):
    """Somebody else saved the draft meanwhile: read it again, then save."""


class NotPermitted(PromptError):
    """The person may not do this; somebody with the named permission may."""


def refused(detail: str, *, pointer: str = "", code: str) -> PromptError:
    return PromptError([Fault(pointer, detail, code)])
