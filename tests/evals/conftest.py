"""A prompt with a dataset and a suite, and people who may and may not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from apps.access.models import Service
from apps.evals.cases import CaseDraft
from apps.evals.models import Assertion, Dataset, DatasetVersion, Suite
from apps.evals.services import datasets, quoting
from apps.evals.services.runs import Plan
from apps.gateway.config import new_holder
from apps.jobs.services import submit
from apps.jobs.services.batches import submit as batches
from apps.prompts import services as prompts
from apps.prompts import snapshot
from apps.prompts.models import Prompt, PromptVersion
from apps.prompts.validation import Content
from tests.factories import make_model, make_priced_deployment, make_service

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONTENT: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Describe {{ product }}."}],
    "variables": {
        "product": {"type": "string", "required": True, "max_length": 200, "sample": "a kettle"},
        "price": {"type": "number", "required": False},
        "customer": {"type": "string", "required": False, "sensitivity": "personal"},
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


def make_version(prompt: Prompt, **changes: Any) -> PromptVersion:
    draft = prompts.new_draft(prompt=prompt, based_on=None, by=None)
    draft = prompts.save_draft(version=draft, content=Content(**(CONTENT | changes)))
    return prompts.seal_version(version=draft, note="A change.", now=NOW)


@pytest.fixture
def prompt(db: None) -> Prompt:
    """“product-text” with one sealed version."""
    row = prompts.create_prompt(slug="product-text", name="Product text")
    make_version(row)
    return row


@pytest.fixture
def dataset(prompt: Prompt) -> Dataset:
    return Dataset.objects.create(slug="products", name="Products", prompt=prompt)


def case(product: str = "a kettle", **values: Any) -> CaseDraft:
    return CaseDraft({"product": product}, **values)


def make_cases(dataset: Dataset, *cases: CaseDraft) -> DatasetVersion:
    """A published version with these cases."""
    draft = datasets.draft_version(dataset=dataset, by=None)
    datasets.put_cases(version=draft, cases=cases)
    return datasets.publish(version=draft, note="First.", now=NOW)


def make_suite(*checks: dict[str, Any], slug: str = "basics", threshold: float = 1.0) -> Suite:
    suite = Suite.objects.create(slug=slug, name=slug, threshold=threshold)
    for position, values in enumerate(checks, 1):
        Assertion.objects.create(suite=suite, position=position, **values)
    return suite


def make_person(name: str, role: str) -> User:
    user = User.objects.create_user(name, password="test", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def engineer(db: None) -> User:
    return make_person("engineer", "prompt-engineer")


@pytest.fixture
def approver(db: None) -> User:
    return make_person("approver", "approver")


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


class FreshConfig:
    """The configuration as the database has it now, without waiting for a poll."""

    def __init__(self) -> None:
        self._holder = new_holder()

    @property
    def current(self) -> Any:
        self._holder.refresh()
        return self._holder.current


@pytest.fixture(autouse=True)
def _fresh_config(monkeypatch: pytest.MonkeyPatch) -> None:
    config = FreshConfig()
    for module in (submit, batches, quoting):
        monkeypatch.setattr(module, "web_config", lambda: config)


@pytest.fixture
def payer(db: None) -> Service:
    """A service for evaluations, and the priced model “small”."""
    make_priced_deployment(
        model=make_model("small"), slug="small-1", input_pico=100, output_pico=200
    )
    return make_service("evaluation", purpose="evaluation")


@pytest.fixture
def plan(dataset: Dataset, payer: Service) -> Plan:
    """Two cases, of which “red” must pass; the answer must contain what the case expects."""
    cases = (
        case("a red kettle", key="red", expected="red", must_pass=True),
        case("a blue mug", key="blue", expected="blue"),
    )
    return Plan(
        version=dataset.prompt.versions.get(),
        dataset_version=make_cases(dataset, *cases),
        suite=make_suite({"kind": "contains-all"}),
        service=payer,
    )


def judge(slug: str, **changes: Any) -> PromptVersion:
    """A sealed prompt that keeps the judges' contract."""
    text = {"type": "string", "required": True}
    names = changes.pop("names", ("rubric", "answer"))
    content = {
        "messages": [{"role": "user", "content": " ".join(f"{{{{ {n} }}}}" for n in names)}],
        "variables": dict.fromkeys(names, text),
    }
    row = prompts.create_prompt(slug=slug, name=slug)
    return make_version(row, **(content | changes))
