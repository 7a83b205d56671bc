"""Services score their own answers, once for each call and metric."""

import pytest
from django.test import Client

from apps.prompts.models import Metric
from apps.results.models import Score
from tests.factories import make_key, make_service
from tests.results.conftest import begin, call, dims, hit

pytestmark = pytest.mark.django_db
URL = "/api/v1/feedback/"


@pytest.fixture
def api():
    Metric.objects.create(slug="thumb", name="Thumb")
    Metric.objects.create(slug="minutes", name="Minutes", kind="number", low=0, high=60)
    return Client(headers={"authorization": f"Bearer {make_key(make_service('shop'))}"})


def post(api, **body):
    body = {"request_id": "r1", "metric": "thumb", "value": True} | body
    return api.post(URL, body, content_type="application/json")


def test_a_score_is_kept_once_and_the_last_value_stands(api):
    call("r1")

    first, again, other = post(api), post(api), post(api, value=0, comment="Wrong kettle.")

    assert [first.status_code, again.status_code, other.status_code] == [201, 200, 200]
    assert first.json()["value"] == again.json()["value"] == 1
    score = Score.objects.get()
    assert (score.service, score.value, score.comment) == ("shop", 0, "Wrong kettle.")


def test_a_cached_answer_can_be_scored_too(api):
    hit("r1", dims())

    assert post(api, metric="minutes", value=12.5).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"request_id": "other"}, 404, "call_not_found", "/request_id"),
        ({"request_id": "of-crm"}, 404, "call_not_found", "/request_id"),
        ({"request_id": "open"}, 409, "call_not_ended", "/request_id"),
        ({"metric": "thumbs"}, 422, "metric_unfit", "/metric"),
        ({"value": 0.5}, 422, "metric_unfit", "/value"),
        ({"metric": "minutes", "value": 61}, 422, "metric_unfit", "/value"),
        ({"value": "yes"}, 400, "invalid_request", "/value"),
        ({"vaule": 1}, 400, "invalid_request", "/vaule"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_the_way_out(api, body, status, code, pointer):
    call("r1")
    call("of-crm", dims(service="crm"))
    begin("open", dims())

    answer = post(api, **body)

    problem = answer.json()
    assert (answer.status_code, problem["type"].rpartition("#")[2]) == (status, code)
    assert pointer in [error["pointer"] for error in problem["errors"]]
    assert not Score.objects.exists()


def test_a_key_is_needed():
    assert Client().post(URL).status_code == 401
