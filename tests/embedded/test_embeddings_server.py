"""The embedding model over real HTTP, asked as the official client and as a careless one asks."""

import base64
import json
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from llmplatform.embedded.layout import free_port

MODEL = "all-minilm-l6-v2"
SERVER = "llmplatform.embedded.embeddings_server:app"


@pytest.fixture(scope="module")
def server():
    port = free_port()
    options = ["--interface=asgi", "--host=127.0.0.1", f"--port={port}", "--log-level=error"]
    process = subprocess.Popen([sys.executable, "-m", "granian", *options, SERVER])
    url = f"http://127.0.0.1:{port}"
    while not answers(url):
        assert process.poll() is None
    yield url
    process.terminate()
    process.wait(20)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/health", timeout=2).close()
    except urllib.error.URLError:
        time.sleep(0.05)  # it is still loading the model
        return False
    return True


def post(server: str, body: object) -> tuple[int, dict]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{server}/v1/embeddings", data=data)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def vectors(server: str, texts: list[str]) -> list[list[float]]:
    status, answer = post(server, {"model": MODEL, "input": texts})
    assert status == 200
    assert [row["index"] for row in answer["data"]] == list(range(len(texts)))
    return [row["embedding"] for row in answer["data"]]


def similarity(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_related_texts_are_closer_than_unrelated_ones(server):
    shoes, sneakers, pan = vectors(
        server, ["running shoes for men", "sneakers to go jogging in", "a cast iron frying pan"]
    )

    assert similarity(shoes, sneakers) > 0.5 > 0.2 > similarity(shoes, pan)


def test_vectors_have_384_numbers_and_length_one(server):
    (vector,) = vectors(server, ["a red shoe"])

    assert len(vector) == 384
    assert similarity(vector, vector) == pytest.approx(1, abs=1e-6)


def test_base64_holds_the_same_numbers_as_floats(server):
    request = {"model": MODEL, "input": "a red shoe"}
    _, floats = post(server, request | {"encoding_format": "float"})
    _, coded = post(server, request | {"encoding_format": "base64"})

    raw = base64.b64decode(coded["data"][0]["embedding"])
    assert list(struct.unpack("<384f", raw)) == pytest.approx(floats["data"][0]["embedding"], abs=0)


def test_a_text_keeps_its_vector_among_neighbours_of_any_length(server):
    texts = ["a red shoe", "pan " * 100, "x"] * 20
    alone = [vectors(server, [text])[0] for text in texts[:3]]

    for place, vector in enumerate(vectors(server, texts)):
        assert vector == pytest.approx(alone[place % 3], abs=1e-5)


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [("shoe", 3), (["shoe", "red shoe"], 3 + 4), ("word " * 1000, 256)],
)
def test_usage_counts_the_tokens_that_the_model_read(server, texts, tokens):
    _, answer = post(server, {"model": MODEL, "input": texts})

    assert answer["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"input": ""}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": [1, 2]}, 400, "input"),
        ({"input": None}, 400, "input"),
        ({"dimensions": 64}, 400, "dimensions"),
        ({"encoding_format": "hex"}, 400, "encoding_format"),
        ({"model": "another"}, 404, "model"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
def test_a_fault_is_told_in_the_form_of_openai(server, change, status, param):
    code, answer = post(server, {"model": MODEL, "input": "a"} | change)

    assert (code, answer["error"]["param"]) == (status, param)
    assert answer["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b"[]", 400), (b"", 400), (b'"' + b"a" * 9_000_000 + b'"', 413)],
)
def test_a_body_that_is_no_request_is_refused(server, body, status):
    assert post(server, body)[0] == status


def test_the_only_model_is_listed(server):
    with urllib.request.urlopen(f"{server}/v1/models", timeout=5) as response:
        assert [row["id"] for row in json.load(response)["data"]] == [MODEL]
