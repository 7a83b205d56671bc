"""What a caller of the gateway sends to a prompt is known by name when a release asks."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.utils import timezone

from apps.core.clock import now
from apps.gateway import heard
from apps.gateway.types import CallSpec
from apps.prompts import services
from apps.prompts.errors import PromptError
from apps.prompts.models import Channel
from apps.prompts.services import import_version
from apps.results.models import SentNames
from apps.results.services.sent import forget_sent
from tests.factories import make_key
from tests.gateway.asgi import Visit
from tests.gateway.conftest import make_call, run_calls

SECRET = "a kettle for Zoe"


@pytest.fixture
def live(shop):
    """A version of the prompt “guide” that takes a town and, if one likes, a day."""
    return made(town={"type": "string"}, day={"type": "string", "required": False})


def made(*, channel="production", **variables):
    text = " ".join(f"{{{{ {name} }}}}" for name in variables)
    document = {
        "slug": "guide", "name": "Guide", "model": "small", "note": "A test.",
        "messages": [{"role": "user", "content": f"Weather: {text}"}],
        "variables": variables, "parameters": {"max_tokens": 20},
    }  # fmt: skip
    where = Channel.objects.get(slug=channel) if channel else None
    return import_version(document=document, by=None, now=timezone.now(), seal=True, channel=where)


@pytest.fixture
def ask(runtime, shop):
    """Asks the prompt, at once for each set of variables, and waits for what is kept of it."""

    def run(*sets, raising=True, **more):
        specs = [CallSpec(prompt="guide", variables=one, **more) for one in sets]
        run_calls(runtime, [make_call(shop, spec) for spec in specs], raising=raising)
        settle(runtime)

    return run


def settle(runtime):
    asyncio.run_coroutine_threadsafe(runtime.tasks.drain(10), runtime.loop).result(timeout=20)


def kept():
    rows = SentNames.objects.order_by("id")
    return [(row.service, row.prompt, row.channel, row.variables) for row in rows]


def test_a_caller_of_the_gateway_alone_stands_in_the_way_of_a_release(runtime, shop, live):
    """From the door that OpenAI's clients use to the refusal."""
    body = {"model": "", "messages": [], "prompt": "guide", "variables": {"town": SECRET}}
    assert Visit(runtime, make_key(shop)).run(body=body).status == 200
    settle(runtime)
    version = made(channel=None, town={"type": "string"}, tone={"type": "string"})

    with pytest.raises(PromptError, match="shop sends no “tone”"):
        services.release(
            prompt=version.prompt,
            channel=Channel.objects.get(slug="production"),
            version=version,
            reason="Warmer.",
            by=User.objects.create_superuser("root"),
            now=timezone.now(),
        )

    assert kept() == [("shop", "guide", "production", ["town"])]
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(one)::text FROM results_sentnames one")
        assert SECRET not in cursor.fetchone()[0]


def test_each_set_of_names_is_written_once_an_hour(ask, live, monkeypatch):
    written = []
    monkeypatch.setattr(heard.HeardNames, "_keep", _counting(heard.HeardNames._keep, written))

    ask(*({"town": f"town {n}"} for n in range(20)))
    ask({"town": "Ulm"}, {"town": "Ulm", "day": "today"})

    assert [sorted(names[0]) for names in written] == [["town"], ["day", "town"]]
    assert [row[3] for row in kept()] == [["town"], ["day", "town"]]


def _counting(method, written):
    async def counted(self, caller, names, known):
        written.append(names)
        await method(self, caller, names, known)

    return counted


def test_an_hour_later_it_is_written_again(ask, live, runtime, monkeypatch):
    ask({"town": "Ulm"})
    SentNames.objects.update(last_at=now() - timedelta(days=2))
    ask({"town": "Ulm"})
    assert SentNames.objects.filter(last_at__lt=now() - timedelta(days=1)).exists()

    monkeypatch.setattr(runtime._heard, "_since", runtime._heard._since - heard.HOUR)
    ask({"town": "Ulm"})

    assert SentNames.objects.get().last_at > now() - timedelta(hours=2)


def test_what_is_refused_and_exact_versions_are_not_kept(ask, live):
    ask({"town": "Ulm"}, version=live.number)
    ask({"city": "Ulm"}, {}, raising=False)

    assert kept() == []


def test_a_job_keeps_what_it_was_sent_itself(runtime, shop, live):
    call = make_call(shop, CallSpec(prompt="guide", variables={"town": "Ulm"}), job_id=uuid4())
    run_calls(runtime, [call])
    settle(runtime)

    assert kept() == []


def test_the_number_of_sets_is_bounded(ask, live, monkeypatch):
    monkeypatch.setattr(heard, "MOST_SETS", 1)

    ask({"town": "Ulm"})
    ask({"town": "Ulm", "day": "today"})

    assert [row[3] for row in kept()] == [["town"]]


def test_what_could_not_be_written_is_tried_again(ask, live, runtime, monkeypatch):
    submit, away = runtime._heard._batcher.submit, [OperationalError("gone")]

    async def first_fails(sent):
        if away:
            raise away.pop()
        return await submit(sent)

    monkeypatch.setattr(runtime._heard._batcher, "submit", first_fails)

    ask({"town": "Ulm"})
    assert kept() == []
    ask({"town": "Ulm"})
    assert [row[3] for row in kept()] == [["town"]]


def test_names_that_nobody_sends_any_more_go(ask, live):
    ask({"town": "Ulm"})
    at = now()

    assert forget_sent(now=at) == 0
    SentNames.objects.update(last_at=at - timedelta(days=32))
    assert forget_sent(now=at) == 1
