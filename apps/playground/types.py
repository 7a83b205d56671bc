"""What a draft would send, as a page shows it."""

from dataclasses import dataclass
from datetime import datetime

from apps.core.money import Pico
from apps.prompts.types import Findings


@dataclass(frozen=True, slots=True)
class Part:
    """One message: its text as rendered, or `fault`, why there is none. `tokens` of what it adds
    to a request; None: not counted."""

    role: str
    text: str = ""
    fault: str = ""
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """A tool that is sent beside the messages; `tokens` as its JSON has, None: not counted."""

    name: str
    description: str = ""
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the deployment that a call would try first. Amounts are None without a price."""

    model: str
    deployment: str
    tokens: int
    exact: bool
    """Whether tokens are counted as the provider counts them, and not estimated."""
    tokens_at_most: int
    """With what the server's chat template may add."""
    window: int
    output_cap: int
    """Tokens of the answer at most."""
    input_pico: Pico | None = None
    at_most_pico: Pico | None = None
    """With the longest answer, each side at its dearest."""

    @property
    def share(self) -> float:
        """Of the context window that the input takes at most; 0 when the window is not known."""
        return self.tokens_at_most / self.window if self.window else 0.0

    @property
    def fits(self) -> bool:
        return not self.window or self.tokens_at_most < self.window

    @property
    def daily_pico(self) -> Pico | None:
        """At most, at 1,000 calls a day."""
        return None if self.at_most_pico is None else 1_000 * self.at_most_pico


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding at its place in a text: the message counted from 0, line and column from 1.
    `length` 0: to the end of the line."""

    message_index: int
    line: int
    column: int
    length: int
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class Use:
    """A name that the texts take from their values, and the type that its uses suggest."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class LivePreview:
    findings: Findings
    parts: tuple[Part, ...] = ()
    tools: tuple[Offered, ...] = ()
    marks: tuple[Mark, ...] = ()
    used: tuple[Use, ...] = ()
    complete: bool = False
    """Whether every text could be read, so that `used` leaves out no name."""
    missing: tuple[str, ...] = ()
    """Required variables without a value: their names stand in the texts."""
    figures: Figures | None = None
    no_figures: str = ""
    """Why there are none."""
    saved_since: datetime | None = None
    """When somebody else saved the draft after this page was made."""
