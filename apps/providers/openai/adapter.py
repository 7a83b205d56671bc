"""OpenAI itself."""

import httpx2
from openai import AsyncOpenAI

from apps.providers.types import Endpoint
from apps.providers.wire import WireAdapter


class OpenAIAdapter(WireAdapter):
    def build_client(self, endpoint: Endpoint, http_client: httpx2.AsyncClient) -> AsyncOpenAI:
        return AsyncOpenAI(
            api_key=endpoint.api_key,
            base_url=endpoint.base_url,
            default_headers=endpoint.headers,
            max_retries=0,
            http_client=http_client,
        )


ADAPTER = OpenAIAdapter()
