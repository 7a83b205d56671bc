"""A model with prices, and the page of a draft as a browser would post it."""

import json
from typing import Any

import pytest

from apps.access.models import Service
from apps.jobs.services import submit
from apps.prompts.models import PromptVersion
from apps.registry.models import Deployment
from tests.evals.conftest import FreshConfig
from tests.factories import make_model, make_priced_deployment
from tests.playground.runs import opened
from tests.prompts.conftest import (  # noqa: F401
    approver,
    desk,
    engineer,
    everything,
    prompt,
    root,
    staging,
)


@pytest.fixture
def small(db: None) -> Deployment:
    """1 µUSD a token in, 2 out; at most 1,024 tokens out of a window of 8,192."""
    return make_priced_deployment(model=make_model("small"), slug="small-here")


def posted(version: PromptVersion, **changes: Any) -> dict[str, str]:
    """The form of a draft, as it stands in the database, with `changes`."""
    values = {"model": version.model, "note": version.note, "seen": version.updated_at.isoformat()}
    values |= {"parameters": json.dumps(version.parameters), "response_schema": "", "fit": ""}
    values["messages-count"] = str(len(version.messages))
    for index, message in enumerate(version.messages):
        values |= {
            f"messages-{index}-position": str(index + 1),
            f"messages-{index}-role": message.get("role", "placeholder"),
            f"messages-{index}-content": message.get("content", message.get("placeholder")),
        }
    values["variables-count"] = str(len(version.variables))
    for index, (name, given) in enumerate(version.variables.items()):
        values |= {
            f"variables-{index}-name": name,
            f"variables-{index}-type": given["type"],
            f"variables-{index}-required": "on" if given.get("required", True) else "",
            f"variables-{index}-trust": given.get("trust", "service"),
            f"variables-{index}-sample": str(given.get("sample", "")),
        }
    return values | {key: str(value) for key, value in changes.items()}


@pytest.fixture
def fresh_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are accepted by the configuration as the database has it now."""
    config = FreshConfig()
    monkeypatch.setattr(submit, "web_config", lambda: config)


@pytest.fixture
def account(small: Deployment, fresh_config: None) -> Service:
    """The playground's service, with a budget that every process knows."""
    return opened()
