"""A rolling restart under load: `python -m tests.chaos.run --rolling`.

Two web processes take jobs, two gateway processes take calls, two workers run the jobs. Each gets
SIGTERM in its turn and comes back, while clients send 20 requests a second to each pair. A client
asks the other process only when a connection is refused; everything else that is not a success
counts as failed.
"""

import http.client
import json
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.chaos.checker import check, second_calls
from tests.chaos.facts import Request, Submission
from tests.chaos.stack import Process, Stack, stack

RATE = 20.0  # requests a second to each pair of processes
CALM_SECONDS = 2.0  # between two restarts
STOP_SECONDS = 45.0


@dataclass
class Load:
    """`RATE` requests a second, in turn to each of two ports, until `stop`."""

    path: str
    ports: tuple[int, int]
    key: str
    results: Counter[str] = field(default_factory=Counter)
    sent: list[tuple[str, str, Request]] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        with ThreadPoolExecutor(64) as pool:
            started, number = time.monotonic(), 0
            while not self.stopped.wait(max(0.0, started + number / RATE - time.monotonic())):
                pool.submit(self._send, number)
                number += 1

    def _send(self, number: int) -> None:
        text = f"{self.path} number {number} says hello"
        at, started = time.time(), time.monotonic()
        result, job_id = self._try_both(number, text)
        self.results[result] += 1
        request = Request(at, time.monotonic() - started, 202 if job_id else 0, job_id)
        self.sent.append((f"key-{number}", text, request))

    def _try_both(self, number: int, text: str) -> tuple[str, str]:
        for turn in range(2):
            try:
                return self._once(self.ports[(number + turn) % 2], number, text)
            except ConnectionRefusedError:
                continue
            except OSError as error:
                return f"failed: {type(error).__name__}", ""
            except http.client.HTTPException as error:
                return f"failed: {type(error).__name__}", ""
        return "failed: both refused", ""

    def _once(self, port: int, number: int, text: str) -> tuple[str, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        messages = [{"role": "user", "content": text}]
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/json",
        }
        if self.path.endswith("jobs/"):
            headers["Idempotency-Key"] = f"key-{number}"
        try:
            body = json.dumps({"model": "small", "messages": messages})
            connection.request("POST", self.path, body, headers)
            answer = connection.getresponse()
            raw = answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 202):
            return f"failed: {answer.status}", ""
        return "ok", json.loads(raw).get("id", "")


def rolling() -> int:
    with stack(seed=1) as (parts, exits):
        parts.start_servers(exits, upstream_options=["--no-faults", "--slow-share=0"])
        from tests.chaos.run import _prepare

        key = _prepare(parts)
        parts.start_product(exits)
        webs = [parts.web, _second(parts, exits, parts.web_process())]
        gateways = [_second(parts, exits, parts.gateway_process()) for _ in range(2)]
        web_ports = (parts.web_ports[0], parts.web_ports[1])
        jobs = Load("/api/v1/jobs/", web_ports, key)
        calls = Load("/v1/chat/completions", (parts.web_ports[2], parts.web_ports[3]), key)
        threads = [threading.Thread(target=load.run) for load in (jobs, calls)]
        for thread in threads:
            thread.start()
        seconds = _roll(parts, [*webs, *gateways], parts.workers)
        for load, thread in zip((jobs, calls), threads, strict=True):
            load.stopped.set()
            thread.join()
        return _report(parts, jobs, calls, seconds)


def _second(parts: Stack, exits: ExitStack, process: Process) -> Process:
    exits.callback(process.end)
    process.start()
    parts.wait_for_web(process, parts.web_ports[-1])
    return process


def _roll(parts: Stack, servers: list[Process], workers: list[Process]) -> float:
    started = time.monotonic()
    for server, port in zip(servers, parts.web_ports, strict=True):
        time.sleep(CALM_SECONDS)
        _terminate(server)
        server.start()
        parts.wait_for_web(server, port)
    for worker in workers:
        time.sleep(CALM_SECONDS)
        _terminate(worker)
        worker.start()
        worker.wait_ready()
    time.sleep(CALM_SECONDS)
    return time.monotonic() - started


def _terminate(process: Process) -> None:
    """SIGTERM to the one process that was started, as a deploy does it."""
    assert process.process is not None
    process.process.send_signal(signal.SIGTERM)
    process.process.wait(timeout=STOP_SECONDS)


def _report(parts: Stack, jobs: Load, calls: Load, seconds: float) -> int:
    from tests.chaos import gather
    from tests.chaos.run import _say, _wait_for_the_end

    _wait_for_the_end(30)
    submissions = [Submission(key, text, (request,)) for key, text, request in jobs.sent]
    report = parts.upstream.report()
    facts = gather.facts(submissions=submissions, faults=(), report=report)
    failed = 0
    for load in (jobs, calls):
        total = sum(load.results.values())
        failed += total - load.results["ok"]
        _say(f"{load.path:24} {total} requests in {seconds:.0f} s: {dict(load.results)}")
    found = [v for v in check(facts) if v.kind != "never_accepted"]  # those are the failed ones
    _say(f"failed requests {failed}, second calls {len(second_calls(facts))}")
    for violation in found[:40]:
        _say(f"  VIOLATION {violation}")
    return 1 if failed or found else 0
