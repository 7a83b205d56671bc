"""A load generator that costs little: raw HTTP/1.1 over kept connections, one for each caller."""

import asyncio
import itertools
import re
import time
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_numbers = itertools.count()
FILLER = "a chair of ash, oiled, with a seat of woven cord, for kitchens and verandas; " * 10


@dataclass
class Times:
    """Milliseconds of each answer, and how long the run took in seconds."""

    answers: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.answers) / self.seconds

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.answers)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def run(*, port: int, key: str, callers: int, seconds: float, stream: bool) -> Times:
    """`callers` ask one after another for `seconds`. Of a stream the first event's time counts.

    Raises `RuntimeError` on any answer but 200.
    """
    times = Times()
    started = time.monotonic()
    until = started + seconds

    async def call() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        ask = _stream if stream else _plain
        while time.monotonic() < until:
            begun = time.monotonic()
            writer.write(_request(key, stream))
            first = await ask(reader)
            times.answers.append(1000 * (first - begun))
        writer.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    times.seconds = time.monotonic() - started
    return times


def _request(key: str, stream: bool) -> bytes:
    """Each prompt is another one: no cache may answer."""
    number = f"{time.time_ns():x}-{next(_numbers)}"
    text = f'{{"model":"bench","max_tokens":200,{_STREAM if stream else ""}"messages":['
    text += f'{{"role":"user","content":"{number}: {FILLER}"}}]}}'
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(text)}\r\n\r\n"
    )
    return (head + text).encode()


_STREAM = '"stream":true,'


async def _head(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"{head!r} {await reader.read(500)!r}")
    return head


async def _plain(reader: asyncio.StreamReader) -> float:
    head = await _head(reader)
    length = _LENGTH.search(head)
    if length is None:
        await _chunk_end(reader)
    else:
        await reader.readexactly(int(length[1]))
    return time.monotonic()


async def _stream(reader: asyncio.StreamReader) -> float:
    await _head(reader)
    await reader.readuntil(b"data:")
    first = time.monotonic()
    await _chunk_end(reader)
    return first


async def _chunk_end(reader: asyncio.StreamReader) -> None:
    await reader.readuntil(b"\r\n0\r\n\r\n")
