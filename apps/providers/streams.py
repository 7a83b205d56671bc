"""Reading an answer that arrives as server-sent events."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Any

from apps.providers import faults
from apps.providers.answer import Answer
from apps.providers.checks import are_calls, is_object, is_text, parse_object, read_usage
from apps.providers.errors import ErrorKind, ProviderError
from apps.providers.types import Chunk, Endpoint, Reported
from apps.providers.usage import after, read_tier

MAX_EVENT_BYTES = 8 * 1024 * 1024
DONE = b"[DONE]"


class EventDecoder:
    """Bytes in, the data of whole events out, by the rules of the HTML standard.

    An event that its empty line doesn't end was cut off and is never given out.
    """

    def __init__(self) -> None:
        self._line: list[bytes] = []  # in the pieces in which it came
        self._data: list[bytes] = []
        self._gathered = 0  # bytes of the lines in `_data`
        self._returned = False  # the last byte was a carriage return, which ended its line
        self._is_first = True
        self._unended = 0  # bytes in `_line`

    @property
    def pending(self) -> int:
        """Bytes of an event that hasn't ended yet."""
        return self._gathered + self._unended

    def feed(self, piece: bytes) -> Iterator[bytes]:
        if self._returned:
            piece = piece.removeprefix(b"\n")  # the other half of that line's end
        self._returned = piece.endswith(b"\r")
        self._line.append(piece)
        self._unended += len(piece)
        if b"\n" not in piece and b"\r" not in piece:
            return  # a long line in small pieces is put together once, at its end
        text = b"".join(self._line).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = text.split(b"\n")
        self._line, self._unended = [rest], len(rest)
        if self._is_first:
            lines[0] = lines[0].removeprefix(BOM_UTF8)
            self._is_first = False
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._gathered += len(line)
            elif not line and self._data:
                yield b"\n".join(self._data)
                self._data, self._gathered = [], 0


class ChatStream:
    """The events of one chat answer, checked one by one and as a whole."""

    def __init__(self, answer: Answer, endpoint: Endpoint) -> None:
        self._answer, self._endpoint = answer, endpoint
        self._events = EventDecoder()
        self._finished: dict[object, bool] = {}
        self._tier: str | None = None  # the service tier, as its last event that named one did
        self._counted = False  # it has sent the event that only reports usage
        self.done = False
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            raise answer.error(ErrorKind.BAD_RESPONSE, "asked for a stream, got something else")

    def feed(self, piece: bytes) -> Iterator[Chunk]:
        if not piece:
            raise self._cut_off("the stream ended without [DONE]")
        for data in self._events.feed(piece):
            if data.strip() == DONE:
                self._end()
                return
            yield self._chunk(parse_object(self._answer, data))
        if self._events.pending > MAX_EVENT_BYTES:
            raise self._answer.error(ErrorKind.BAD_RESPONSE, "an event is too long")

    def _end(self) -> None:
        self.done = True
        if not self._finished:
            raise self._answer.error(ErrorKind.BAD_RESPONSE, "the stream held no answer")
        if self._endpoint.finish_required and not all(self._finished.values()):
            raise self._cut_off("the stream ended without a finish reason")

    def _cut_off(self, message: str) -> ProviderError:
        return self._answer.error(ErrorKind.INCOMPLETE, message)

    def _chunk(self, raw: dict[str, Any]) -> Chunk:
        if raw.get("error"):
            raise self._answer.failed(faults.from_event(raw["error"], self._endpoint))
        choices = raw.get("choices")
        if not isinstance(choices, list):
            raise self._answer.error(ErrorKind.BAD_RESPONSE, "an event has no choices")
        text, finish_reason = "", None
        for choice in choices:
            piece, finish = self._choice(choice)
            if choice.get("index", 0) == 0:
                text, finish_reason = piece, finish
        self._tier = read_tier(raw) or self._tier
        said = self._reported(raw) if raw.get("usage") is not None else Reported()
        return Chunk(
            raw,
            text,
            finish_reason,
            said.usage,
            said.problem,
            self._answer.request_id,
            said.contested,
        )

    def _reported(self, raw: dict[str, Any]) -> Reported:
        """What a usage event says. One that contradicts itself, or the one before, spoils whatever
        else is reported: nobody can tell which of them is true."""
        before, now = self._answer.reported, read_usage(raw, tier_before=self._tier)
        if not before.contested:
            self._answer.reported = after(before.usage, now, is_final=self._counted)
        self._counted = self._counted or not raw["choices"]
        return self._answer.reported

    def _choice(self, choice: object) -> tuple[str, str | None]:
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not (delta is None or isinstance(delta, dict)):
            raise self._answer.error(ErrorKind.BAD_RESPONSE, "a choice is malformed")
        text, finish = (delta or {}).get("content"), choice.get("finish_reason")
        index = choice.get("index", 0)
        is_sound = is_text(text) and is_text(finish) and isinstance(index, int)
        if not is_sound or not are_calls((delta or {}).get("tool_calls"), in_pieces=True):
            raise self._answer.error(ErrorKind.BAD_RESPONSE, "a choice is malformed")
        if not is_object(choice.get("logprobs")):
            raise self._answer.error(ErrorKind.BAD_RESPONSE, "log probabilities are malformed")
        self._finished[index] = self._finished.get(index, False) or finish is not None
        return text or "", finish
