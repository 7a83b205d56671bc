"""What an experiment can be judged by without anybody scoring: what every call tells."""

from dataclasses import dataclass
from typing import Literal

Unit = Literal["share", "usd", "seconds", "number"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A mean over the calls of a subject's arm: of shares (0 to 1), US dollars, seconds, or a
    score's own numbers."""

    slug: str
    label: str
    unit: Unit
    better: Literal["higher", "lower"]

    @property
    def worse(self) -> Literal["higher", "lower"]:
        return "lower" if self.better == "higher" else "higher"


BUILT_IN = {
    one.slug: one
    for one in (
        Measured("errors", "Calls without an answer", "share", "lower"),
        Measured("refusals", "Refused answers", "share", "lower"),
        Measured("schema_failures", "Answers not by their schema", "share", "lower"),
        Measured("cost", "Cost a call", "usd", "lower"),
        Measured("seconds", "Seconds to the answer", "seconds", "lower"),
    )
}
