"""Azure OpenAI: the deployment's name stands in the path, the key in a header of its own.

`base_url` is the resource (`https://<name>.openai.azure.com`), `model` the deployment there.
"""

import httpx2
from openai import AsyncAzureOpenAI

from apps.providers.types import Endpoint
from apps.providers.wire import WireAdapter

API_VERSION = "2024-10-21"


class AzureAdapter(WireAdapter):
    def build_client(self, endpoint: Endpoint, http_client: httpx2.AsyncClient) -> AsyncAzureOpenAI:
        return AsyncAzureOpenAI(
            api_key=endpoint.api_key,
            azure_endpoint=endpoint.base_url,
            api_version=endpoint.api_version or API_VERSION,
            default_headers=endpoint.headers,
            max_retries=0,
            http_client=http_client,
        )


ADAPTER = AzureAdapter()
