"""What a request begins with, as the vendor's package writes it.

The package knows each vendor's address, credential and headers; its request path costs several
times what a whole call may cost. So it writes the head of a call once for each account and model,
to a transport that sends nothing, and the calls repeat it.
"""

from dataclasses import dataclass

import httpx2
from multidict import CIMultiDict
from openai import AsyncOpenAI
from yarl import URL

MAX_HEADS = 256  # of one account
# Of one request, or of one connection: not to be repeated.
_NOT_KEPT = {"host", "content-length", "connection", "x-stainless-read-timeout"}


@dataclass(frozen=True, slots=True)
class Head:
    url: URL
    headers: "CIMultiDict[str]"


def recording_client() -> httpx2.AsyncClient:
    """For the package's client: it answers each request without sending it."""
    return httpx2.AsyncClient(
        transport=httpx2.MockTransport(lambda request: httpx2.Response(200, request=request)),
        trust_env=False,
        headers={"accept-encoding": "identity"},
    )


class Heads:
    """The heads of one account, by path and model: on Azure the model is a part of the address."""

    def __init__(self, package: AsyncOpenAI) -> None:
        self._package = package
        self._known: dict[tuple[str, str], Head] = {}

    async def get(self, path: str, model: str) -> Head:
        """The head of a POST to `path`."""
        head = self._known.get((path, model))
        if head is None:
            if len(self._known) >= MAX_HEADS:
                self._known.clear()
            head = self._known[path, model] = await self._write(path, model)
        return head

    async def _write(self, path: str, model: str) -> Head:
        recorded = await self._package.post(path, cast_to=httpx2.Response, body={"model": model})
        request = recorded.request
        headers = CIMultiDict(
            (name, value) for name, value in request.headers.items() if name not in _NOT_KEPT
        )
        return Head(URL(str(request.url), encoded=True), headers)
