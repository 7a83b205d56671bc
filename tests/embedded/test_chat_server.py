"""The small chat model over real HTTP. What it says is never asserted; how it says it is."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from llmplatform.embedded.layout import free_port

MODEL = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def server():
    port = free_port()
    command = [sys.executable, "-m", "llmplatform.embedded.chat_server", f"--port={port}"]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    while not answers(url):
        assert process.poll() is None
    yield url
    process.terminate()
    assert process.wait(20) == 0


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/health", timeout=5).close()
    except urllib.error.URLError:  # not listening yet, or 503 while it loads the weights
        time.sleep(0.05)
        return False
    return True


def ask(server: str, text: str, **options: object) -> tuple[int, dict]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}]} | options
    url = f"{server}/v1/chat/completions"
    request = urllib.request.Request(url, data=json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_an_answer_tells_its_tokens(server):
    status, answer = ask(server, "Name a colour.", max_tokens=5)

    assert (status, answer["model"]) == (200, MODEL)
    assert answer["choices"][0]["message"]["content"]
    usage = answer["usage"]
    assert 1 <= usage["completion_tokens"] <= 5
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_prompt_of_two_thousand_tokens_is_too_long(server):
    status, answer = ask(server, "red " * 2100, max_tokens=1)

    assert (status, answer["error"]["code"]) == (400, 400)


def test_the_only_model_is_listed(server):
    with urllib.request.urlopen(f"{server}/v1/models", timeout=5) as response:
        assert [row["id"] for row in json.load(response)["data"]] == [MODEL]
