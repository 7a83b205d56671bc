"""docs/degradation.md is true: every cell that can be asked over HTTP is asked of real processes
whose Redis and Postgres are cut off or go silent; every other row names a test that exists."""

import ast
import base64
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from apps.registry.models import Provider
from tests.docs.settings_read import ROOT
from tests.factories import make_key, make_model, make_priced_deployment
from tests.fakes.proxy import Proxy, proxied
from tests.servers import environment, served

PAGE = (ROOT / "docs" / "degradation.md").read_text()
STATES = ["Redis down", "Redis silent", "Postgres down", "Postgres silent", "both down"]
SECONDS = 30  # within which even the slowest refusal comes; most take none
HELLO = {"role": "user", "content": "hello there"}
CHAT = {"model": "small", "messages": [HELLO], "cache": "bypass"}


@dataclass(frozen=True)
class Question:
    server: str  # gateway | web
    path: str
    body: object = None
    method: str = "POST"
    login: str = "key"  # key | basic | session | none
    media: str = "application/json"


def get(server: str, path: str, login: str = "none", media: str = "application/json") -> Question:
    return Question(server, path, method="GET", login=login, media=media)


QUESTIONS = {
    "chat": Question("gateway", "/v1/chat/completions", CHAT),
    "chat, answer cached": Question("gateway", "/v1/chat/completions", CHAT | {"cache": "use"}),
    "stream": Question("gateway", "/v1/chat/completions", CHAT | {"stream": True}),
    "embeddings": Question("gateway", "/v1/embeddings", {"model": "embed", "input": "hello"}),
    "`/v1/responses`": Question(
        "gateway", "/v1/responses", {"model": "small", "input": "hi", "store": False}
    ),
    "`/v1/models`": get("gateway", "/v1/models", "key"),
    "a job is posted": Question("web", "/api/v1/jobs/", {"model": "small", "messages": [HELLO]}),
    "a job is read": get("web", "/api/v1/jobs/", "key"),
    "a batch is posted": Question(
        "web", "/api/v1/batches/", {"jobs": [{"model": "small", "messages": [HELLO]}]}
    ),
    "admin pages": get("web", "/admin/jobs/job/", "session", "text/html"),
    "provider health": get("web", "/admin/health/", "session", "text/html"),
    "configuration is changed": Question(
        "web", "/api/v1/manage/tiers/unlimited/", {"burst": 7}, method="PATCH", login="basic"
    ),
    "`/health/live`": get("gateway", "/health/live"),
    "`/health/live` of `web`": get("web", "/health/live"),
    "`/health/ready`": get("gateway", "/health/ready"),
    "`/health/ready` of `web`": get("web", "/health/ready"),
    "`/metrics`": get("gateway", "/metrics", media=""),
    "`/metrics` of `web`": get("web", "/metrics", media=""),
}


# --- The page ------------------------------------------------------------------------------------
def rows(columns: int) -> dict[str, list[str]]:
    """Rows of the page's tables with so many columns: first cell → the others."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("|") and not line.startswith("|--")
    ]
    return {first: rest for first, *rest in cells if len(rest) == columns - 1}


def documented() -> dict[str, dict[str, str]]:
    table = rows(1 + len(STATES))
    header = table.pop("what is asked")
    assert header == STATES
    return {
        name: dict(zip(STATES, (cell.split(",")[0] for cell in cells), strict=True))
        for name, cells in table.items()
    }


def test_every_question_has_its_row_and_every_row_its_question():
    assert list(documented()) == list(QUESTIONS)


def test_every_other_row_names_tests_that_exist():
    table = rows(4)
    assert len(table) > 8
    for name, cells in table.items():
        if name == "what goes on":
            continue
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cells[-1])
        assert named, f"{name} names no test"
        for file, function in named:
            tree = ast.parse((ROOT / file).read_text())
            found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert function in found, f"{file}::{function}"


# --- The processes -------------------------------------------------------------------------------
@dataclass
class Stack:
    """`gateway` and `web`, each behind the same two proxies."""

    postgres: Proxy
    redis: Proxy
    urls: dict[str, str] = field(default_factory=dict)
    logins: dict[str, dict[str, str]] = field(default_factory=dict)

    def ask(self, question: Question) -> "Answer":
        data = json.dumps(question.body).encode() if question.body is not None else None
        headers = {"content-type": "application/json", **self.logins.get(question.login, {})}
        request = urllib.request.Request(
            self.urls[question.server] + question.path,
            data=data,
            method=question.method,
            headers=headers,
        )
        begun = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return Answer(answer.status, answer.headers, answer.read(), begun)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read(), begun)
        except OSError as error:
            return Answer(0, {}, repr(error).encode(), begun)

    def ask_all(self) -> dict[str, "Answer"]:
        """All at once, so that nobody waits for what another one found out."""
        with ThreadPoolExecutor(len(QUESTIONS)) as threads:
            asked = {name: threads.submit(self.ask, each) for name, each in QUESTIONS.items()}
            return {name: future.result() for name, future in asked.items()}

    def mend(self) -> None:
        self.postgres.mend()
        self.redis.mend()
        until = time.monotonic() + SECONDS
        while wrong := {n: a.status for n, a in self.ask_all().items() if a.kind(n) != "works"}:
            assert time.monotonic() < until, f"not well again: {wrong}"


@dataclass
class Answer:
    status: int
    headers: object
    body: bytes
    begun: float

    def __post_init__(self) -> None:
        self.seconds = time.monotonic() - self.begun

    def kind(self, name: str) -> str:
        """`works`, `503` when it is one that its caller understands, else what is wrong with it."""
        question = QUESTIONS[name]
        if 200 <= self.status < 300:
            return "works"
        if self.status != 503:
            return f"{self.status} {self.body[:200]!r}"
        if "/health/" in question.path:
            return "503"
        return "503" if self._is_understood(question) else f"bad 503: {self.body[:200]!r}"

    def _is_understood(self, question: Question) -> bool:
        if not self.headers.get("retry-after"):
            return False
        if question.media == "text/html":
            return b"The database is not answering" in self.body
        value = json.loads(self.body)
        return (value["error"] if question.server == "gateway" else value)["code"] == "unavailable"


@pytest.fixture
def stack(shop, embedding_model, upstream) -> Iterator[Stack]:
    database, redis = connection.settings_dict, urlsplit(settings.REDIS_URL)
    with ExitStack() as opened:
        postgres_proxy = opened.enter_context(proxied(database["HOST"], int(database["PORT"])))
        redis_proxy = opened.enter_context(proxied(redis.hostname, redis.port))
        stack = Stack(postgres_proxy, redis_proxy, logins=logins(shop))
        through = environment()["DATABASE_URL"].replace(
            f":{database['PORT']}/", f":{postgres_proxy.port}/"
        )
        redis_url = settings.REDIS_URL.replace(f":{redis.port}", f":{redis_proxy.port}")
        extra = {"DATABASE_URL": through, "REDIS_URL": redis_url, "BROKER_URL": redis_url}
        extra["LOG_LEVEL"] = "ERROR"
        extra["STREAM_KEEP_ALIVE_SECONDS"] = str(SECONDS)  # or a slow machine's 503 comes as event
        for name, interface in (("gateway", "asgi"), ("web", "wsgi")):
            target = f"llmplatform.{interface}:application"
            server = served(interface, target, threads=len(QUESTIONS), **extra)
            stack.urls[name] = opened.enter_context(server)
        try:
            yield stack
        finally:
            postgres_proxy.mend()
            redis_proxy.mend()


def logins(shop) -> dict[str, dict[str, str]]:
    user = User.objects.create_superuser("root", password=None)
    user.password = PBKDF2PasswordHasher().encode("words", "salt", iterations=1)
    user.save()
    browser = Client()
    browser.force_login(user)
    basic = base64.b64encode(b"root:words").decode()
    return {
        "key": {"authorization": f"Bearer {make_key(shop)}"},
        "basic": {"authorization": f"Basic {basic}"},
        "session": {"cookie": f"sessionid={browser.cookies['sessionid'].value}"},
    }


@pytest.fixture
def embedding_model(shop, upstream):
    """Names what the fixture `shop` has not."""
    make_priced_deployment(
        provider=Provider.objects.get(),
        model=make_model("embed", kind="embedding", max_output_tokens=0),
        slug="embed-1",
    )


FAULTS: dict[str, Callable[[Stack], None]] = {
    "Redis down": lambda stack: stack.redis.cut(),
    "Redis silent": lambda stack: stack.redis.pause(),
    "Postgres down": lambda stack: stack.postgres.cut(),
    "Postgres silent": lambda stack: stack.postgres.pause(),
    "both down": lambda stack: (stack.redis.cut(), stack.postgres.cut()),
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_cell_is_as_the_page_says(stack):
    """One pair of processes for all states: each start costs seconds. After each state everything
    must work again by itself."""
    stack.mend()
    promised, seen, slow = documented(), {}, {}
    for state, break_it in FAULTS.items():
        break_it(stack)
        for name, answer in stack.ask_all().items():
            seen.setdefault(name, {})[state] = answer.kind(name)
            if answer.seconds >= SECONDS:
                slow[name, state] = answer.seconds
        stack.mend()

    wrong = {
        (name, state): f"{kind}; the page says {promised[name][state]}"
        for name, states in seen.items()
        for state, kind in states.items()
        if kind != promised[name][state]
    }
    assert not wrong
    assert not slow
