"""A job that names a prompt with tools: the model's calls come back to whoever posted it."""

import pytest
from django.utils import timezone

from apps.jobs.models import Job
from apps.prompts.models import Channel
from apps.prompts.services import import_version
from apps.registry.models import Model
from tests.jobs.conftest import Api
from tests.jobs.workers import eventually
from tests.prompts.tools import WEATHER, tool

ASKED = {"prompt": "guide", "variables": {"town": "Ulm"}}


@pytest.fixture
def guide():
    """The prompt “guide”, live on production once a model is there."""

    def make():
        Model.objects.filter(slug="small").update(supports_tools=True)
        document = {
            "slug": "guide", "model": "small", "note": "A test.", "tools": [WEATHER],
            "messages": [{"role": "user", "content": "Weather in {{ town }}?"}],
            "variables": {"town": {"type": "string"}}, "parameters": {"max_tokens": 50},
        }  # fmt: skip
        channel = Channel.objects.get(slug="production")
        import_version(document=document, by=None, now=timezone.now(), seal=True, channel=channel)

    return make


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_calls_come_back(busy_shop, start_worker, guide, upstream):
    guide()
    worker, api = start_worker(), Api(busy_shop)
    posted = api.post(ASKED | {"parameters": {"tool_choice": "required"}})
    assert posted.status_code == 202, posted.content
    address = posted.json()["links"]["self"]

    eventually(lambda: api.get(address).json()["status"] == "succeeded", worker.explain)

    (sent,) = upstream.log()
    assert sent["body"]["tools"] == [WEATHER]
    result = api.get(address).json()["result"]
    assert (result["text"], result["finish_reason"]) == ("", "tool_calls")
    (call,) = result["message"]["tool_calls"]
    assert call["function"] == {"name": "get_weather", "arguments": '{"town": "text"}'}


@pytest.mark.django_db
def test_a_job_with_other_tools_is_refused(shop, api, guide):
    guide()

    answer = api.post(ASKED | {"parameters": {"tools": [tool()], "temperature": 9}})

    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "/parameters/tools",
        "/parameters/temperature",
    }
    assert not Job.objects.exists()
