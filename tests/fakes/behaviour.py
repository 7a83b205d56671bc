"""What can be wrong with the fake upstream, and its memory of what was asked."""

import hashlib
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Body = Literal[
    "html",
    "null",
    "no_choices",
    "truncated_json",
    "short",
    "invalid_utf8",
    "empty",
    "huge",
    "error",
]
Cut = Literal[
    "close",
    "half_event",
    "no_done",
    "no_finish",
    "error_event",
    "bad_json",
    "invalid_utf8",
    "reset",
]


@dataclass(slots=True)
class Behaviour:
    """One rule. Rules are tried in the order given; the first that matches is used.

    Which requests: `model` (None is any), and only the first `times` of them (None is all).
    """

    model: str | None = None
    times: int | None = None

    latency: float = 0
    """Seconds before the headers."""
    chunk_latency: float = 0
    """Seconds before each chunk of a stream."""

    at_once: int | None = None
    """Answers 429 to a request while so many others are under way."""
    status: int = 200
    error: dict[str, Any] = field(default_factory=dict)
    """Fields of the OpenAI error object. `{authorization}` in the message is replaced by the
    credential that was sent, as careless servers do."""
    headers: dict[str, str] = field(default_factory=dict)
    """Added to the answer, `retry-after` for instance."""

    stamps: bool = False
    """Each word of a stream is `<time of the request> <time of the word>`, in seconds."""
    content: str | None = None
    """Says this instead of an echo."""
    message: dict[str, Any] | None = None
    """The whole assistant message instead (tool calls, refusals)."""
    finish_reason: str | None = "default"
    usage: dict[str, Any] | Literal["missing", "negative", "strings", "mismatch"] | None = None
    """Reports this; None is the truth."""
    service_tier: Any = None
    """The answer names this one; events of a stream name those of a list, the last all others."""
    usage_again: dict[str, Any] | None = None
    """A stream reports this too, after the first report."""

    body: Body | None = None
    """A plain answer that is no answer. `short` closes before the announced length."""
    cut: Cut | None = None
    """How a stream goes wrong, once `cut_after` chunks were sent."""
    cut_after: int = 2
    choice: dict[str, Any] | None = None
    """Put into the first choice: of a plain answer, or of a stream's chunk number `cut_after`."""
    redirect: str | None = None
    reset: Literal["before_headers", "after_headers"] | None = None
    hang: Literal["before_headers", "after_headers"] | None = None
    """Never goes on, until the client leaves."""


@dataclass(slots=True)
class Entry:
    """One request that really arrived in full, and what became of it."""

    number: int
    at: float
    method: str
    path: str
    headers: dict[str, str]
    authorization: str
    """Start of the SHA-256 of the credential, empty without one."""
    model: str | None
    body: Any
    status: int | None = None
    answered: str = ""
    """`complete`, the name of the fault, or `client_gone`. Empty while it runs."""
    usage: dict[str, Any] | None = None
    finished_at: float | None = None


class State:
    """Rules, log and counters. One event loop owns it."""

    def __init__(self) -> None:
        self.connections: set[object] = set()
        self.reset()

    def reset(self) -> None:
        self.rules: list[Behaviour] = []
        self.log: list[Entry] = []
        self.connections_opened = 0
        self.in_flight = 0
        self.in_flight_max = 0

    def seen(self, connection: object) -> None:
        """A request came over `connection` (control requests don't count)."""
        if connection not in self.connections:
            self.connections.add(connection)
            self.connections_opened += 1

    def rule_for(self, model: str | None) -> Behaviour:
        for rule in self.rules:
            if rule.model in (None, model) and rule.times != 0:
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return Behaviour()

    def begin(self, method: str, path: str, headers: dict[str, str], body: Any) -> Entry:
        secret = credential(headers)
        entry = Entry(
            number=len(self.log) + 1,
            at=time.time(),
            method=method,
            path=path,
            headers={k: v for k, v in headers.items() if k not in ("authorization", "api-key")},
            authorization=fingerprint(secret) if secret else "",
            model=body.get("model") if isinstance(body, dict) else None,
            body=body,
        )
        self.log.append(entry)
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        return entry

    def end(self, entry: Entry, answered: str) -> None:
        entry.answered = answered
        entry.finished_at = time.time()
        self.in_flight = max(0, self.in_flight - 1)

    def report(self) -> dict[str, Any]:
        return {
            "log": [asdict(entry) for entry in self.log],
            "connections": len(self.connections),
            "connections_opened": self.connections_opened,
            "in_flight": self.in_flight,
            "in_flight_max": self.in_flight_max,
        }


def credential(headers: dict[str, str]) -> str:
    return headers.get("authorization") or headers.get("api-key", "")


def fingerprint(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:16]
