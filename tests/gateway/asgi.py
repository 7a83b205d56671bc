"""The gateway's ASGI app on a runtime's own loop, with a client that can stall, leave and dribble:
real pipeline, real upstream, and no server in between to hide what the app does."""

import asyncio
import json
from concurrent.futures import Future
from typing import Any

from apps.gateway.openai_api.app import OpenAIApp
from apps.gateway.runtime import Runtime

HELLO = {"role": "user", "content": "hello there"}


class Visit:
    """One request. `parts` are the pieces of the body as they were sent."""

    def __init__(self, runtime: Runtime, key: str, *, stalls_after: int | None = None) -> None:
        self.runtime, self.key = runtime, key
        self.stalls_after = stalls_after  # parts that the client takes before it stops reading
        self.parts: list[bytes] = []
        self.status = 0
        self.headers: dict[str, str] = {}
        self.ended = False
        self._leaves = asyncio.Event()
        self._reads_on = asyncio.Event()
        self.arrived = asyncio.Event()

    def start(
        self,
        path: str = "/v1/chat/completions",
        body: Any = None,
        *,
        method: str = "POST",
        headers: dict[str, str] | None = None,
        pieces: list[bytes] | None = None,
    ) -> "Future[None]":
        self.runtime.config.refresh()
        sent = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        sent |= headers or {}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        self._pieces = pieces if pieces is not None else [json.dumps(body).encode()]
        work = OpenAIApp(self.runtime)(scope, self._receive, self._send)
        return asyncio.run_coroutine_threadsafe(work, self.runtime.loop)

    def run(self, *args: Any, **values: Any) -> "Visit":
        self.start(*args, **values).result(timeout=60)
        return self

    def leave(self) -> None:
        self.runtime.loop.call_soon_threadsafe(self._leaves.set)

    def read_on(self) -> None:
        self.runtime.loop.call_soon_threadsafe(self._reads_on.set)

    def wait_for_a_part(self) -> None:
        waiting = asyncio.run_coroutine_threadsafe(self.arrived.wait(), self.runtime.loop)
        waiting.result(timeout=30)

    @property
    def json(self) -> Any:
        return json.loads(b"".join(self.parts))

    @property
    def events(self) -> list[Any]:
        """Data of the events; `[DONE]` stays text, comments are left out."""
        lines = b"".join(self.parts).decode().split("\n\n")
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [text if text == "[DONE]" else json.loads(text) for text in data]

    @property
    def text(self) -> str:
        chunks = [event for event in self.events if isinstance(event, dict)]
        choices = [choice for chunk in chunks for choice in chunk.get("choices", ())]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    async def _receive(self) -> dict[str, Any]:
        if self._pieces:
            body = self._pieces.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(self._pieces)}
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if self.stalls_after is not None and len(self.parts) >= self.stalls_after:
            await self._reads_on.wait()
        self.parts.append(message["body"])
        self.ended = not message.get("more_body", False)
        self.arrived.set()
