"""The service that calls the prompt, and what its provider does."""

import itertools
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

AT_ONCE = 8


class Shop:
    def __init__(self, *, web_url: str, gateway_url: str, key: str, upstream_url: str) -> None:
        self.web_url, self.gateway_url, self.key = web_url, gateway_url, key
        self.upstream_url = upstream_url
        self._customers = itertools.count()

    def behave(self, **behaviour: Any) -> None:
        """What the provider does from now on (`tests.fakes.behaviour`)."""
        self._post(f"{self.upstream_url}/_control", {"behave": behaviour})

    def ask(self, prompt: str, customer: str = "kim") -> tuple[int, str]:
        """Status of an answer at the gateway, and the version that gave it."""
        body = {"model": "", "messages": [], "prompt": prompt, "cache": "bypass"}
        body |= {"subject": customer, "variables": self._variables(1)}
        return self._post(f"{self.gateway_url}/v1/chat/completions", body)

    def submit(self, prompt: str, count: int) -> list[dict[str, Any]]:
        """So many jobs, and what became of them."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda number: self._job(prompt, number), range(count)))

    def pinned(self, prompt: str) -> str:
        """The version that a job gets when it is accepted, by the web process."""
        job = self._job(prompt, 1)
        return f"{prompt} v{job['prompt_version']}"

    def visit(self, prompt: str, *, until: Any, seconds: float) -> int:
        """New customers ask until `until()`; how many did. Raises `TimeoutError`."""
        end, asked = time.monotonic() + seconds, 0
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while not until():
                if time.monotonic() > end:
                    raise TimeoutError(f"not after {asked} customers")
                who = [f"customer-{next(self._customers)}" for _ in range(10 * AT_ONCE)]
                asked += len(list(pool.map(lambda name: self.ask(prompt, name), who)))
        return asked

    def _job(self, prompt: str, number: int) -> dict[str, Any]:
        body = {"prompt": prompt, "variables": self._variables(number)}
        request = self._request(f"{self.web_url}/api/v1/jobs/", body)
        request.add_header("Prefer", "wait=30")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.load(answer))

    @staticmethod
    def _variables(number: int) -> dict[str, str]:
        question = ("Where is my parcel?", "When does it come?", "Can I still change it?")
        state = ("on its way", "being packed", "at your door")
        order = f"A-{1000 + number}"
        return {"order": order, "state": state[number % 3], "question": question[number % 3]}

    def _post(self, url: str, body: Any) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self._request(url, body), timeout=60) as answer:
                return answer.status, answer.headers.get("x-llm-prompt-version", "")
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("x-llm-prompt-version", "")

    def _request(self, url: str, body: Any) -> urllib.request.Request:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        return urllib.request.Request(url, json.dumps(body).encode(), headers)
