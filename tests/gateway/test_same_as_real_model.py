"""The official client against the small real model, through us and directly, field by field.

At temperature 0 the same model says the same twice, so texts are compared too.
"""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from apps.registry.models import Deployment, Model
from llmplatform.embedded.layout import free_port
from tests.factories import make_key
from tests.gateway.test_openai_client import wait_for_configuration
from tests.servers import served

MODEL = "smollm2-135m-instruct"
PARAMETERS: dict[str, Any] = {"temperature": 0, "seed": 1, "max_tokens": 12}
MESSAGES: list[Any] = [{"role": "user", "content": "Name a colour."}]
# Times and ids of one answer, and llama.cpp's own measurements of it.
OWN = {"id", "created", "timings", "usage", "llmplatform"}


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "llmplatform.embedded.chat_server", f"--port={port}"]
    with subprocess.Popen(command) as process:
        while not _answers(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None
        yield f"http://127.0.0.1:{port}/v1"
        process.terminate()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.URLError:
        time.sleep(0.05)
        return False
    return True


@pytest.fixture
def clients(
    transactional_db: None, clean_redis: None, shop: Any, model_url: str
) -> Iterator[tuple[openai.OpenAI, openai.OpenAI]]:
    """Through the gateway, and directly."""
    Model.objects.update(slug=MODEL, supports_json_schema=True, context_window=2048)
    deployment = Deployment.objects.get()
    Deployment.objects.update(upstream_name=MODEL)
    type(deployment.provider).objects.update(base_url=model_url)
    with (
        served("asgi", "llmplatform.asgi:application") as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key=make_key(shop)) as ours,
        openai.OpenAI(base_url=model_url, api_key="none") as theirs,
    ):
        wait_for_configuration(ours)
        yield ours, theirs


def test_what_the_client_sees_is_the_same(clients):
    for request in ({}, {"logprobs": True, "top_logprobs": 2}, {"stop": [" "]}, COLOUR):
        answers = [_whole(client, request) for client in clients]
        assert answers[0] == answers[1], request
        streams = [_streamed(client, request) for client in clients]
        assert streams[0] == streams[1], request
        assert streams[0]


COLOUR: dict[str, Any] = {
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "colour",
            "schema": {
                "type": "object",
                "properties": {"colour": {"enum": ["red", "blue"]}},
                "required": ["colour"],
            },
        },
    }
}


def _whole(client: openai.OpenAI, request: dict[str, Any]) -> Any:
    answer = client.chat.completions.create(model=MODEL, messages=MESSAGES, **PARAMETERS, **request)
    usage = answer.usage
    assert usage is not None
    counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
    return _plain(answer), counts


def _streamed(client: openai.OpenAI, request: dict[str, Any]) -> Any:
    stream = client.chat.completions.create(
        model=MODEL,
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={} if client.api_key == "none" else {"cache": "bypass"},
        **PARAMETERS,
        **request,
    )
    return [_plain(chunk) for chunk in stream]


def _plain(value: Any) -> Any:
    """Without what is each answer's own, and unset fields as null."""
    dumped = value.model_dump(warnings=False)
    return {name: field for name, field in dumped.items() if name not in OWN}
