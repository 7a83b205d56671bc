"""What is wrong with a request, for every way in: only the REST API makes a `Problem` of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a request: where (JSON pointer, RFC 6901; empty: all of it), what and the way
    out."""

    pointer: str
    detail: str
    code: str = "invalid"

    def __str__(self) -> str:
        return f"{self.pointer}: {self.detail}" if self.pointer else self.detail
