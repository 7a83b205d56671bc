"""A prompt with one variable, people who may and may not, and fresh memory for each test."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from apps.prompts import services, snapshot
from apps.prompts.models import Arm, Channel, Experiment, Freeze, Prompt, PromptVersion, Release
from apps.prompts.validation import Content

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONTENT: dict[str, Any] = {
    "messages": [
        {"role": "system", "content": "You write short texts for a shop."},
        {"role": "user", "content": "Describe {{ product }}."},
    ],
    "variables": {
        "product": {"type": "string", "required": True, "max_length": 20, "sample": "a red kettle"}
    },
    "model": "small",
    "parameters": {"max_tokens": 60},
    "response_schema": None,
}


@pytest.fixture(autouse=True)
def _fresh_memory() -> Iterator[None]:
    snapshot._cache.clear()
    yield
    snapshot._cache.clear()


def content(**changes: Any) -> Content:
    return Content(**(CONTENT | changes))


def saying(text: str) -> Content:
    return content(messages=[{"role": "user", "content": f"{text} {{{{ product }}}}."}])


def make_prompt(slug: str = "product-text") -> Prompt:
    return services.create_prompt(slug=slug, name=slug)


def make_draft(prompt: Prompt, what: Content | None = None, **values: Any) -> PromptVersion:
    draft = services.new_draft(prompt=prompt, based_on=None, by=values.pop("by", None))
    return services.save_draft(version=draft, content=what or content(), **values)


def make_sealed(prompt: Prompt, what: Content | None = None, **values: Any) -> PromptVersion:
    draft = make_draft(prompt, what, **values)
    return services.seal_version(version=draft, note="A change.", now=NOW)


def make_live(prompt: Prompt, what: Content | None = None, channel: str = "production") -> Any:
    return go_live(make_sealed(prompt, what), channel=channel)


def go_live(version: PromptVersion, *, channel: str = "production") -> Any:
    return services.release(
        prompt=version.prompt,
        channel=Channel.objects.get(slug=channel),
        version=version,
        reason="Because.",
        by=None,
        now=NOW,
    )


@pytest.fixture
def prompt(db: None) -> Prompt:
    return make_prompt()


@pytest.fixture
def production(db: None) -> Channel:
    return Channel.objects.get(slug="production")


@pytest.fixture
def staging(db: None) -> Channel:
    return Channel.objects.get(slug="staging")


def make_person(name: str, role: str) -> User:
    user = User.objects.create_user(name, password="test", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def engineer(db: None) -> User:
    """May edit prompts and release to staging, but not change what protected channels serve."""
    return make_person("engineer", "prompt-engineer")


@pytest.fixture
def approver(db: None) -> User:
    return make_person("approver", "approver")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def root(db: None) -> Client:
    return browser(User.objects.create_superuser("root", password="test"))


@pytest.fixture
def desk(engineer: User) -> Client:
    return browser(engineer)


def page(model: str, *args: int) -> str:
    name = "changelist" if not args else "change"
    return reverse(f"admin:prompts_{model}_{name}", args=args)


def action(model: str, pk: int, name: str) -> str:
    return reverse(f"admin:prompts_{model}_action", args=[pk, name])


@pytest.fixture
def everything(prompt: Prompt, staging: Channel) -> Prompt:
    """One of each: live, draft, retired, running experiment."""
    first, second = make_sealed(prompt, saying("Describe")), make_sealed(prompt, saying("Praise"))
    go_live(first, channel="staging")
    go_live(second, channel="staging")
    make_draft(prompt, content(messages=[{"role": "user", "content": "{{ oops"}]))
    experiment = Experiment.objects.create(slug="tone", name="Tone", prompt=prompt, channel=staging)
    for position, version in enumerate((first, second), 1):
        Arm.objects.create(
            experiment=experiment,
            slug=f"arm-{position}",
            version=version,
            weight=5000,
            position=position,
        )
    services.start_experiment(experiment=experiment, by=None, now=NOW)
    return prompt


def person(name, *permissions):
    user = User.objects.create_user(name)
    codenames = [each.rpartition(".")[2] for each in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


@pytest.fixture
def guarded(production):
    production.approvals = 2
    production.save()
    return production


@pytest.fixture
def approvers(db):
    return [person(f"approver-{n}", "prompts.release_protected") for n in range(3)]


@pytest.fixture
def version(prompt, engineer):
    go_live(make_sealed(prompt, saying("Old")))
    return make_sealed(prompt, saying("New"), by=engineer)


@pytest.fixture
def asker(db):
    return person("asker", "prompts.release_protected")


@pytest.fixture
def asked(version, guarded, asker):
    return ask(version, guarded, asker)


def ask(version, channel, by, *, now=NOW, **given):
    return services.request_release(
        prompt=version.prompt,
        channel=channel,
        version=version,
        reason="Sounds better",
        by=by,
        now=now,
        **given,
    )


def approve(asked, by, *, now=NOW):
    return services.approve_request(request=asked, by=by, now=now)


def live(channel):
    return Release.objects.get(channel=channel, ended_at=None)


def freeze(channel):
    return Freeze.objects.create(
        channel=channel, starts_at=NOW - HOUR, ends_at=NOW + HOUR, reason="Black Friday"
    )
