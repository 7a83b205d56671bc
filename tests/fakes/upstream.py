"""An OpenAI-compatible server with faults on request: `python -m tests.fakes.upstream --port 0`.

It prints its port. `POST /_control` takes `{"behave": {…}}` (see `Behaviour`) and
`{"reset": true}`; `GET /_control` tells all that it was asked: the independent witness of what a
test really called.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import replace
from typing import Any

import orjson

from tests.fakes import answers
from tests.fakes.batches import BatchRules, BatchStore
from tests.fakes.behaviour import Behaviour, Entry, State, credential
from tests.fakes.http import Connection, Request

MODELS = ["fake-chat", "fake-chat-small", "fake-embed"]
JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
HUGE = 64 * 1024 * 1024
WRONG_USAGE: dict[str, dict[str, Any]] = {
    "negative": {"prompt_tokens": 3, "completion_tokens": -5, "total_tokens": -2},
    "strings": {"prompt_tokens": "x", "completion_tokens": "5", "total_tokens": "5"},
    "mismatch": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 99},
}


class Upstream:
    def __init__(self) -> None:
        self.state = State()
        self.store = BatchStore()

    def connection(self) -> Connection:
        return Connection(self.handle, self.state.connections.discard)

    async def handle(self, request: Request, connection: Connection) -> None:
        if request.path == "/_control":
            connection.send(200, orjson.dumps(self._control(request)), JSON)
            return
        state = self.state
        state.seen(connection)
        body = _parse(request.body)
        entry = state.begin(request.method, request.path, request.headers, body)
        log = state.log  # what began before a reset must not count after it
        answered = "client_gone"
        try:
            if kind := batch_request(request):
                answered = await self._batches(kind, request, connection, entry)
                return
            rule = state.rule_for(entry.model)
            if rule.at_once is not None and state.in_flight > rule.at_once:
                rule = replace(rule, status=429, latency=0)
            answered = await Exchange(request, connection, entry, rule).run()
        finally:
            if log is state.log:
                state.end(entry, answered)

    async def _batches(
        self, kind: str, request: Request, connection: Connection, entry: Entry
    ) -> str:
        fault = self.store.next_fault(kind)
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "reset":
            connection.reset()
            return "reset"
        status, answer = fault, {"error": {"message": "Fault on request"}}
        if not isinstance(fault, int):
            status, answer = self._of_batches(kind, request, entry.body)
        if fault == "lost":
            connection.reset()
            return "lost"
        if fault == "silent":
            await asyncio.Event().wait()
        entry.status = status
        if fault == "html":
            connection.send(200, b"<html></html>", {"content-type": "text/html"})
        elif isinstance(answer, bytes):
            connection.send(status, answer, {"content-type": "application/octet-stream"})
        else:
            connection.send(status, orjson.dumps(answer), JSON)
        return kind

    def _of_batches(self, kind: str, request: Request, body: Any) -> tuple[int, Any]:
        name = request.path.partition("?")[0].removesuffix("/content").removesuffix("/cancel")
        name = name.rpartition("/")[2]
        match kind:
            case "upload":
                return self.store.upload(request.headers.get("content-type", ""), request.body)
            case "create":
                return self.store.create(body)
            case "list":
                return self.store.listed()
            case "content":
                return self.store.content(name)
            case "delete":
                return self.store.delete(name)
            case "cancel":
                return self.store.cancel(name)
        return self.store.get(name)

    def _control(self, request: Request) -> dict[str, Any]:
        if request.method == "POST":
            order = orjson.loads(request.body)
            if order.get("reset"):
                self.state.reset()
                self.store = BatchStore()
            if "batches" in order:
                self.store.rules = BatchRules(**order["batches"])
            if "behave" in order:
                self.state.rules.append(Behaviour(**order["behave"]))
            return {}
        return self.state.report() | {"store": self.store.report()}


class Exchange:
    """One request and its answer. Its methods return what is noted in the log as the answer."""

    def __init__(
        self, request: Request, connection: Connection, entry: Entry, rule: Behaviour
    ) -> None:
        self.request, self.connection, self.entry, self.rule = request, connection, entry, rule
        self.headers = {"x-request-id": f"req_{entry.number}", **rule.headers}

    async def run(self) -> str:
        if self.rule.latency:
            await asyncio.sleep(self.rule.latency)
        if self.rule.hang == "before_headers":
            await asyncio.Event().wait()
        if self.rule.reset == "before_headers":
            self.connection.reset()
            return "reset"
        if self.rule.redirect:
            return self._send(307, b"", {"location": self.rule.redirect}, "redirect")
        if self.rule.status != 200:
            return self._error(self.rule.status, self.rule.error)
        return await self._answer()

    async def _answer(self) -> str:
        path = self.request.path.partition("?")[0]
        if path.endswith("/models"):
            return self._json(answers.models(MODELS))
        if not isinstance(self.entry.body, dict):
            return self._error(400, {"message": "The body is not a JSON object."})
        if path.endswith("/chat/completions"):
            return await self._chat(self.entry.body)
        if path.endswith("/embeddings"):
            return self._embed(self.entry.body)
        return self._error(404, {"message": f"Unknown path {path}", "code": "unknown_url"})

    def _embed(self, body: dict[str, Any]) -> str:
        answer = answers.embeddings(body)
        self._report_usage(answer, answer.pop("usage"))
        return self._plain(answer)

    async def _chat(self, body: dict[str, Any]) -> str:
        text, finish = answers.reply(body, self.rule.content)
        calls = None if self.rule.content else answers.tool_calls(body)
        if calls is not None:
            text, finish = calls["tool_calls"][0]["function"]["arguments"], "tool_calls"
        plain = {"role": "assistant", "content": text, "refusal": None}
        message = self.rule.message or calls or plain
        if self.rule.finish_reason != "default":
            finish = self.rule.finish_reason
        usage = answers.usage_of(body, text)
        number = self.entry.number
        if body.get("stream") and self.rule.body is None:
            events = answers.events(body, number=number, message=message, finish=finish)
            return await self._stream(body, list(events), usage)
        answer = answers.completion(body, number=number, message=message, finish=finish)
        answer["choices"][0] |= self.rule.choice or {}
        self._report_usage(answer, usage)
        self._name_tiers([answer])
        return self._plain(answer)

    def _report_usage(self, answer: dict[str, Any], usage: dict[str, Any]) -> None:
        wanted = self.rule.usage
        if wanted == "missing":
            return
        if isinstance(wanted, str):
            usage = WRONG_USAGE[wanted]
        elif wanted is not None:
            usage = wanted
        answer["usage"] = self.entry.usage = usage

    def _plain(self, answer: dict[str, Any]) -> str:
        fault = self.rule.body
        whole = orjson.dumps(answer)
        if fault is None:
            return self._whole(whole)
        if fault == "html":
            html = b"<html><body>Bad gateway, but with a 200</body></html>"
            return self._send(200, html, {"content-type": "text/html"}, fault)
        if fault == "short":
            self.connection.head(200, {**self.headers, **JSON, "content-length": str(len(whole))})
            self.connection.transport.write(whole[: len(whole) // 2])
            self.entry.status = 200
            self.connection.close()
            return fault
        return self._send(200, _spoiled(fault, answer, whole), JSON, fault)

    def _whole(self, whole: bytes) -> str:
        if self.rule.reset != "after_headers":
            return self._send(200, whole, JSON, "complete")
        self.connection.head(200, {**self.headers, **JSON, "content-length": str(len(whole))})
        return self._reset()

    async def _stream(
        self, body: dict[str, Any], events: list[dict[str, Any]], usage: dict[str, Any]
    ) -> str:
        self.entry.status = 200
        self.connection.head(200, {**self.headers, **SSE})
        if self.rule.hang == "after_headers":
            await asyncio.Event().wait()
        if self.rule.reset == "after_headers":
            return self._reset()
        if self.rule.cut == "no_finish":
            events.pop()
        if (body.get("stream_options") or {}).get("include_usage"):
            last = answers.chunk(body, number=self.entry.number, choices=[])
            self._report_usage(last, usage)
            events.append(last)
            if self.rule.usage_again is not None:
                events.append({**last, "usage": self.rule.usage_again})
        self._name_tiers(events)
        for index, event in enumerate(events):
            if self.rule.chunk_latency:
                await asyncio.sleep(self.rule.chunk_latency)
            if self.rule.cut and index == self.rule.cut_after and self._spoil_stream(event):
                return self.rule.cut
            if self.rule.choice is not None and index == self.rule.cut_after:
                event["choices"][0] |= self.rule.choice
            if self.rule.stamps:
                self._stamp(event)
            self.connection.chunk(b"data: " + orjson.dumps(event) + b"\n\n")
        if self.rule.cut != "no_done":
            self.connection.chunk(b"data: [DONE]\n\n")
        self.connection.last_chunk()
        return self.rule.cut or "complete"

    def _name_tiers(self, events: list[dict[str, Any]]) -> None:
        said = self.rule.service_tier
        if said is None:
            return
        tiers = said if isinstance(said, list) else [said]
        for index, event in enumerate(events):
            event["service_tier"] = tiers[min(index, len(tiers) - 1)]

    def _stamp(self, event: dict[str, Any]) -> None:
        for choice in event["choices"]:
            if choice["delta"].get("content"):
                choice["delta"]["content"] = f"{self.entry.at} {time.time()}"

    def _spoil_stream(self, event: dict[str, Any]) -> bool:
        """Whether the stream ends here."""
        connection, data = self.connection, b"data: " + orjson.dumps(event)
        match self.rule.cut:
            case "close":
                connection.close()
            case "half_event":
                connection.chunk(data[: len(data) // 2])
                connection.last_chunk()
            case "error_event":
                error = {"message": "The server had an error", "type": "server_error"}
                connection.chunk(b"data: " + orjson.dumps({"error": error}) + b"\n\n")
                connection.last_chunk()
            case "bad_json":
                connection.chunk(b"data: {not json\n\n")
                connection.last_chunk()
            case "invalid_utf8":
                connection.chunk(b'data: {"choices": "\xff\xfe"}\n\n')
                connection.last_chunk()
            case "reset":
                self._reset()
            case _:
                return False
        return True

    def _reset(self) -> str:
        self.entry.status = 200
        # What was written must leave before the reset, or the client never sees the headers.
        asyncio.get_running_loop().call_later(0.05, self.connection.reset)
        return "reset"

    def _error(self, status: int, given: dict[str, Any]) -> str:
        message = given.get("message", "Fault on request")
        message = message.replace("{authorization}", credential(self.request.headers))
        error = {"type": "fake_error", "param": None, "code": None, **given, "message": message}
        return self._send(status, orjson.dumps({"error": error}), JSON, "error")

    def _json(self, answer: dict[str, Any]) -> str:
        return self._send(200, orjson.dumps(answer), JSON, "complete")

    def _send(self, status: int, body: bytes, headers: dict[str, str], answered: str) -> str:
        self.entry.status = status
        self.connection.send(status, body, {**headers, **self.headers})
        return answered


def batch_request(request: Request) -> str:
    """Which request to the Batch API it is, "" for any other."""
    path = request.path.partition("?")[0]
    if path.endswith("/files"):
        return "upload"
    if "/files/" in path:
        return "delete" if request.method == "DELETE" else "content"
    if path.endswith("/batches"):
        return "create" if request.method == "POST" else "list"
    if "/batches/" in path:
        return "cancel" if path.endswith("/cancel") else "get"
    return ""


def _spoiled(fault: str, answer: dict[str, Any], whole: bytes) -> bytes:
    match fault:
        case "null":
            return b"null"
        case "no_choices":
            return orjson.dumps({**answer, "choices": [], "data": []})
        case "truncated_json":
            return whole[: len(whole) // 2]
        case "invalid_utf8":
            return whole.replace(b'"role"', b'"\xff\xfe"').replace(b'"index"', b'"\xff\xfe"')
        case "empty":
            return b""
        case "huge":
            return b'{"padding": "' + b"x" * HUGE + b'"}'
        case "error":
            return orjson.dumps({"error": {"message": "Overloaded", "code": 502}})
    raise ValueError(fault)


def _parse(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return repr(body)


async def serve(port: int, *, until_eof: bool) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Upstream().connection, "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # the caller reads it
    if not until_eof:
        await server.serve_forever()
    # A test process that was killed closes the pipe, and nothing is left behind.
    stopped = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), stopped.set)
    await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, until_eof=arguments.until_eof))


if __name__ == "__main__":
    main()
