"""Any server that speaks OpenAI's interface: vLLM, llama.cpp, Ollama, a proxy.

`base_url` ends where `/chat/completions` begins, usually in `/v1`. Many such servers have no keys.
"""

import httpx2
from openai import AsyncOpenAI

from apps.providers.types import Endpoint
from apps.providers.wire import WireAdapter

# The package insists on a key; servers without keys ignore it.
NO_KEY = "none"


class CompatibleAdapter(WireAdapter):
    def build_client(self, endpoint: Endpoint, http_client: httpx2.AsyncClient) -> AsyncOpenAI:
        return AsyncOpenAI(
            api_key=endpoint.api_key or NO_KEY,
            base_url=endpoint.base_url,
            default_headers=endpoint.headers,
            max_retries=0,
            http_client=http_client,
        )


ADAPTER = CompatibleAdapter()
