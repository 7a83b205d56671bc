"""Every example, as a service developer starts it, against the whole product with real models.

What the small model says is never asserted; that it is counted, priced and booked is.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from llmplatform.embedded.layout import ROOT
from tests.stacks import stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES = ROOT / "examples"
USES = sorted(path.parent.name for path in EXAMPLES.glob("*/request.json"))
PICO = 10**12
INPUT, OUTPUT, EMBEDDED = 20_000, 60_000, 5_000  # pico-USD a token, in the sample data
CALLED = """
SELECT entry.kind, entry.amount_pico, entry.input_tokens, entry.output_tokens, usage.raw
FROM ledger_entry entry JOIN ledger_usage usage USING (attempt_id) WHERE {where}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("stack") / "data"
    with stack(folder):
        yield folder


@pytest.fixture(scope="module")
def environ(data) -> dict[str, str]:
    """What `eval "$(python3 examples/env.py)"` gives to a shell."""
    lines = run("examples/env.py", f"--data={data}").splitlines()
    return dict(shlex.split(line)[1].split("=", 1) for line in lines)


@pytest.fixture
def books(environ) -> Iterator[psycopg.Connection]:
    with psycopg.connect(environ["EXAMPLE_DATABASE_URL"]) as connection:
        yield connection


def run(*words: str, environ: dict[str, str] | None = None) -> str:
    """Run a script of the repository with nothing else set; its output."""
    clean = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": "/"}
    command = [sys.executable] if words[0].endswith(".py") else ["bash"]
    done = subprocess.run(
        [*command, str(ROOT / words[0]), *words[1:]],
        env=clean | (environ or {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read_job(output: str, environ: dict[str, str]) -> dict:
    """The job that an example printed, as the API tells it."""
    [job_id] = re.findall(r"^  job     (\S+)$", output, re.MULTILINE)
    request = urllib.request.Request(
        f"{environ['LLMPLATFORM_URL']}/api/v1/jobs/{job_id}/",
        headers={"Authorization": f"Bearer {environ['LLMPLATFORM_API_KEY']}"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


def test_there_are_five_uses():
    assert len(USES) == 5


@pytest.mark.parametrize("use", USES)
def test_a_use_is_answered_counted_priced_and_booked(use, environ, books):
    output = run(f"examples/{use}/run.py", environ=environ)
    job = read_job(output, environ)
    tokens = (job["usage"]["input_tokens"], job["usage"]["output_tokens"])
    cost = tokens[0] * INPUT + tokens[1] * OUTPUT

    assert job["status"] == "succeeded"
    assert job["prompt"] == use
    assert job["result"]["text"].strip() in output
    assert job["result"]["text"].strip()
    assert Decimal(job["cost_usd"]) * PICO == cost
    assert f"${job['cost_usd']}" in output
    [entry] = books.execute(CALLED.format(where="entry.job_id = %s"), [job["id"]])
    assert entry[:4] == ("charge", cost, *tokens)
    assert (entry[4]["prompt_tokens"], entry[4]["completion_tokens"]) == tokens  # model's own words


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
@pytest.mark.parametrize("use", USES)
def test_a_use_by_curl(use, environ):
    job = read_job(run(f"examples/{use}/run.sh", environ=environ), environ)

    assert (job["status"], job["prompt"]) == ("succeeded", use)


def test_a_key_that_names_the_intent_is_one_job(environ):
    first, second = (
        read_job(run("examples/product-content/run.py", environ=environ), environ) for _ in "12"
    )

    assert first["id"] == second["id"]


def test_the_official_client_needs_only_address_and_key(environ):
    output = run("examples/openai_client.py", environ=environ)

    assert {"models", "chat", "stream", "embeddings", "prompt"} <= set(output.split())
    assert "384 numbers a text" in output


def test_the_search_finds_what_was_planted_and_pays_for_it(environ, books):
    run("examples/semantic-search/index.py", environ=environ)
    *_, last = run("examples/semantic-search/evaluate.py", environ=environ).splitlines()

    found = json.loads(last)
    assert (found["queries"], found["top_three"]) == (20, 20)
    assert found["first"] >= 18
    calls = books.execute(CALLED.format(where="entry.model = 'all-minilm-l6-v2'")).fetchall()
    assert len(calls) >= 2
    for kind, amount, tokens, none, raw in calls:
        assert (kind, amount, none) == ("charge", tokens * EMBEDDED, 0)
        assert raw["prompt_tokens"] == tokens


def test_a_search_by_hand(environ):
    words = ["something", "warm", "for", "my", "feet"]
    output = run("examples/semantic-search/search.py", *words, environ=environ)

    assert "loden-slipper" in output.splitlines()[0]


def test_the_books_agree_afterwards(data):
    kept = json.loads((data / "stack.json").read_text())["environment"]

    assert "agree" in run("manage.py", "verify_ledger", environ=kept)
