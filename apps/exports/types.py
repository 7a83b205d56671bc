"""What a writer is told, and what it says of the file that it wrote."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.core.money import Pico


class Progress(Protocol):
    """How a writer says how far it is. `step` raises `Stopped` once the file is not wanted."""

    def expect(self, rows: int) -> None: ...

    def step(self, rows: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Built:
    """`rows`: those that say what was spent, without head and total; they add up to `total`."""

    rows: int
    total: Pico
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a file says of itself: the moment of its numbers, and for whom it is."""

    made_at: datetime
    maker: str


LARGEST = 512 * 1024 * 1024  # bytes of a file


class Stopped(Exception):
    """Somebody stopped the export, or another worker has it now."""


class ExportRefused(Exception):
    """It cannot be asked for, or made; says why and the way out."""
