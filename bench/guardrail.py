"""A bad arm is paused by itself: how long does it take? `python -m bench.guardrail [--rate 20]`.

On loopback: a durable Postgres, Valkey, a fast model server, one gateway, and Celery's worker and
beat. An experiment takes 10 % of the subjects; its second arm asks a model whose provider refuses
every request (400). Calls come from many subjects until the arm is paused; then everybody calls
again, and it is counted who fails and who was moved to another version.
"""

import argparse
import itertools
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from bench.heard import wait_until_heard
from bench.stack import durable_stack, running
from llmplatform.embedded.layout import free_port

SHARE = 1_000  # basis points of the subjects
GIVE_UP = 600.0  # seconds
CELERY = ("celery", "--quiet", "--app=llmplatform")


class _Refusing(BaseHTTPRequestHandler):
    """A provider to which no request is right."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = b'{"error": {"message": "Not like this.", "type": "invalid_request_error"}}'
        self.send_response(400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _refusing() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=20, help="calls at once")
    given = parser.parse_args()
    upstream, gateway = free_port(), free_port()
    with ExitStack() as stack:
        refusing = stack.enter_context(_refusing())
        allowed = f"127.0.0.1:{upstream},127.0.0.1:{refusing}"
        folder = stack.enter_context(durable_stack(OUTBOUND_ALLOWED_HOSTS=allowed))
        log = folder / "log"
        served = ["bench.upstream", "--port", str(upstream)]
        stack.enter_context(running(served, log=log, port=upstream))
        key, experiment = _set_up(upstream, refusing)
        asgi = ["granian", "--interface", "asgi", "--host", "127.0.0.1", "--no-ws"]
        asgi += ["--port", str(gateway), "llmplatform.asgi:application"]
        stack.enter_context(running(asgi, log=log, port=gateway))
        stack.enter_context(_celery("worker", "--pool=threads", "--concurrency=4", log=log))
        stack.enter_context(_celery("beat", f"--schedule={folder}/beat", log=log))
        _drive(f"http://127.0.0.1:{gateway}", key, experiment, at_once=given.rate)


@contextmanager
def _celery(*arguments: str, log: Path) -> Iterator[None]:
    queues = ["-Q", "high,normal,low,housekeeping"] if arguments[0] == "worker" else []
    command = [sys.executable, "-m", *CELERY, *arguments, *queues]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def _set_up(upstream: int, refusing: int) -> tuple[str, Any]:
    """A prompt with two versions, the second on a model whose provider refuses, and a running
    experiment of both."""
    from django.utils import timezone

    from apps.prompts import services
    from apps.prompts.models import Arm, Channel, Experiment, Guardrail, Prompt
    from tests.factories import make_deployment, make_key, make_model, make_provider, make_service

    for slug, port in (("good", upstream), ("refusing", refusing)):
        provider = make_provider(f"http://127.0.0.1:{port}/v1", slug=f"{slug}-provider")
        model = make_model(slug)
        make_deployment(provider=provider, model=model, slug=f"{slug}-1")
    production = Channel.objects.get(slug="production")
    now, versions = timezone.now(), []
    for slug in ("good", "refusing"):
        document = {
            "slug": "reply",
            "name": "Reply",
            "variables": {},
            "messages": [{"role": "user", "content": f"Answer from the {slug} model."}],
            "model": slug,
            "parameters": {"max_tokens": 20},
            "note": "For the bench.",
        }
        live = {"channel": production} if slug == "good" else {}
        versions.append(
            services.import_version(document=document, by=None, now=now, seal=True, **live)
        )
    experiment = Experiment.objects.create(
        slug="tone", name="Tone", prompt=Prompt.objects.get(), channel=production, share=SHARE
    )
    for position, version in enumerate(versions, 1):
        slug = ("control", "bad")[position - 1]
        Arm.objects.create(
            experiment=experiment, slug=slug, version=version, weight=5000, position=position
        )
    Guardrail.objects.create(experiment=experiment, metric="errors", most=5)
    key = make_key(make_service("shop"))
    return key, services.start_experiment(experiment=experiment, by=None, now=now)


def _ask(url: str, key: str, subject: str) -> tuple[int, str]:
    """Status and version of an answer."""
    body = {"model": "", "messages": [], "prompt": "reply", "subject": subject, "cache": "bypass"}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(url, orjson.dumps(body), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers.get("x-llm-prompt-version", "")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("x-llm-prompt-version", "")


def _drive(url: str, key: str, experiment: Any, *, at_once: int) -> None:
    numbers, begun = itertools.count(), time.monotonic()
    failed, paused_at = 0, None
    with ThreadPoolExecutor(at_once) as pool:

        def ask(number: int) -> tuple[int, int, str]:
            return number, *_ask(f"{url}/v1/chat/completions", key, f"s-{number}")

        before: dict[int, str] = {}
        first_failure: float | None = None
        while paused_at is None and time.monotonic() - begun < GIVE_UP:
            answers = list(pool.map(ask, itertools.islice(numbers, at_once * 5)))
            bad = [answer for answer in answers if answer[1] != 200]
            before |= {number: version for number, status, version in answers if status == 200}
            if bad and first_failure is None:
                first_failure = time.monotonic()
            failed += len(bad)
            if experiment.arms.filter(slug="bad").exclude(paused_at=None).exists():
                paused_at = time.monotonic()
        wait_until_heard(url)
        total = next(numbers)
        after = list(pool.map(ask, range(total)))
    if paused_at is None or first_failure is None:
        raise SystemExit(f"Not paused after {GIVE_UP:.0f} s; {failed} of {total} calls failed.")
    arm = experiment.arms.get(slug="bad")
    moved = sum(before.get(number, version) != version for number, _, version in after)
    still = sum(status != 200 for _, status, _ in after)
    seconds = paused_at - first_failure
    print(f"paused {seconds:.0f} s after the first failed call: {arm.paused_because}")
    print(f"{total:,} subjects, {SHARE / 100:.0f} % in the experiment, {failed} failed before")
    print(f"after: {still} of {total:,} calls fail, {moved} moved to another version")


if __name__ == "__main__":
    main()
