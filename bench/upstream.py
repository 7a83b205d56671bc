"""The fastest model server we can write in Python: `python -m bench.upstream --port N`.

It reads nothing of a request but its length and whether it asks for a stream, so that a gateway
in front of it is what is measured. A stream's first chunk comes after 20 ms, 19 more follow 2 ms
apart.
"""

import argparse
import asyncio
import re

import orjson

FIRST_CHUNK, NEXT_CHUNK, CHUNKS = 0.020, 0.002, 20  # seconds, seconds, number
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_TEXT = "A calm and sturdy chair for long evenings, made of ash from the next valley. " * 10
_USAGE = {"prompt_tokens": 180, "completion_tokens": 160, "total_tokens": 340}


def _answer() -> bytes:
    message = {"role": "assistant", "content": _TEXT, "refusal": None}
    body = orjson.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "bench",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": _USAGE,
        }
    )
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def _event(**fields: object) -> bytes:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    return _chunked(b"data: " + orjson.dumps(chunk | fields) + b"\n\n")


def _chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _token(finish: str | None) -> bytes:
    choice = {"index": 0, "delta": {"content": "word "}, "finish_reason": finish}
    return _event(choices=[choice])


ANSWER = _answer()
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
TOKEN, LAST_TOKEN = _token(None), _token("stop")
STREAM_END = _event(choices=[], usage=_USAGE) + _chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not found or len(rest) < size:
            return
        body, self._received = rest[:size], rest[size:]
        if b'"stream":true' in body:
            asyncio.get_running_loop().call_later(FIRST_CHUNK, self._stream, 1)
        else:
            self._transport.write(ANSWER)

    def _stream(self, number: int) -> None:
        head = STREAM_HEAD if number == 1 else b""
        if number < CHUNKS:
            self._transport.write(head + TOKEN)
            asyncio.get_running_loop().call_later(NEXT_CHUNK, self._stream, number + 1)
        else:
            self._transport.write(LAST_TOKEN + STREAM_END)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
