"""A client of the jobs API in one file of the standard library: copy it beside your service.

    job = run_job({"prompt": "product-content", "variables": {...}}, key="alto-3-facts-7")
    print(job["result"]["text"], job["cost_usd"])

Reads LLMPLATFORM_URL and LLMPLATFORM_API_KEY from the environment. Posting is safe to repeat,
because every post carries an idempotency key: the same key is the same job, which is paid once.
"""

import json
import os
import time
import urllib.error
import urllib.request
import uuid
from typing import Any

TRIES = 4  # posts of one job
PAUSE_SECONDS = 0.5  # before the second try; doubles
LONG_POLL_SECONDS = 30  # at most 60: the server answers by then in any case
OPEN = ("queued", "running")

Job = dict[str, Any]


class JobError(Exception):
    """No answer came. `retryable`: the same request may succeed later; otherwise change it."""

    def __init__(self, message: str, *, code: str, retryable: bool, after: float = 0) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.after = after  # seconds that the server asks us to wait


def run_job(request: Job, *, key: str | None = None, seconds: float = 300) -> Job:
    """Post a job, wait for its end and return it. Raises `JobError`.

    `key` names the intent ("describe article 7 with the facts of revision 3"): a crashed caller
    that posts it again gets the first job. Without one, only this call's own retries are safe.
    """
    deadline = time.monotonic() + seconds
    job = submit(request, key=key or str(uuid.uuid4()))
    while job["status"] in OPEN:
        if time.monotonic() > deadline:
            text = f"Job {job['id']} is still {job['status']} after {seconds:.0f} s."
            raise JobError(text, code="too_slow", retryable=True)
        job = _repeated("GET", f"{job['links']['self']}?wait={LONG_POLL_SECONDS}")
    if job["status"] != "succeeded":
        error = job["error"] or {"code": job["status"], "message": "It was stopped."}
        text = f"Job {job['id']} {job['status']}: {error['message']}"
        raise JobError(text, code=error["code"], retryable=False)
    return job


def submit(request: Job, *, key: str) -> Job:
    """Post a job; the answer is the job, finished when it was fast. Raises `JobError`."""
    headers = {"Idempotency-Key": key, "Prefer": f"wait={LONG_POLL_SECONDS}"}
    return _repeated("POST", "/api/v1/jobs/", request, headers)


def show(job: Job) -> None:
    """Print what a person wants to know of a finished job."""
    usage = job["usage"]
    print(job["result"]["text"].strip())
    print(f"  prompt  {job['prompt']} v{job['prompt_version']} {job['arm']}".rstrip())
    print(f"  tokens  {usage['input_tokens']} in, {usage['output_tokens']} out")
    print(f"  cost    ${job['cost_usd']} (cache: {job['cache']})")
    print(f"  job     {job['id']}")


def _repeated(
    method: str, path: str, body: Job | None = None, headers: dict[str, str] | None = None
) -> Job:
    for number in range(TRIES):
        try:
            return _once(method, path, body, headers or {})
        except JobError as error:
            if not error.retryable or number == TRIES - 1:
                raise
            time.sleep(max(error.after, PAUSE_SECONDS * 2**number))
    raise AssertionError("unreachable")


def _once(method: str, path: str, body: Job | None, headers: dict[str, str]) -> Job:
    request = urllib.request.Request(
        _setting("LLMPLATFORM_URL").rstrip("/") + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {_setting('LLMPLATFORM_API_KEY')}",
            "Content-Type": "application/json",
            **headers,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=LONG_POLL_SECONDS + 30) as response:
            job: Job = json.load(response)
            return job
    except urllib.error.HTTPError as answer:
        raise _refusal(answer) from None
    except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
        text = f"The platform does not answer: {error}"
        raise JobError(text, code="unreachable", retryable=True) from None


def _setting(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        text = f"Set {name} in the environment."
        raise JobError(text, code="not_configured", retryable=False) from None


def _refusal(answer: urllib.error.HTTPError) -> JobError:
    """From problem details (RFC 9457) to one sentence that names every fault."""
    try:
        problem = json.load(answer)
    except ValueError:  # a proxy's own page
        problem = {"code": "http_error", "detail": answer.reason, "errors": []}
    faults = "; ".join(f"{fault['pointer']}: {fault['detail']}" for fault in problem["errors"])
    return JobError(
        f"{answer.code} {problem['detail']} {faults}".strip(),
        code=problem["code"],
        retryable=answer.code == 429 or answer.code >= 500,
        after=float(answer.headers.get("Retry-After") or 0),
    )
