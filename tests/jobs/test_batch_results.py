"""Reading batches: results in order and in parts, lists, and nobody else's."""

import json

import pytest

from tests.jobs.batch_rows import (
    BATCHES,
    fail,
    jobs_of,
    succeed,
)
from tests.jobs.conftest import Api


def test_results_are_lines_in_order(api, made, book):
    one, two, three = jobs_of(made)
    book(three, 13)
    succeed(three)
    fail(one)

    response = api.get(f"{BATCHES}{made}/results/")

    assert response["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in b"".join(response.streaming_content).splitlines()]
    assert [(line["index"], line["status"]) for line in lines] == [
        (0, "failed"),
        (1, "queued"),
        (2, "succeeded"),
    ]
    assert [line["id"] for line in lines] == [str(job.pk) for job in (one, two, three)]
    assert lines[0]["error"] == {"code": "bad", "message": "No."}
    assert lines[2]["result"]["text"] == "answer 2"
    assert lines[2]["cost_usd"] == "0.000000000013"
    assert lines[1]["result"] is None


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("", [0, 1, 2]),
        ("?after=0", [1, 2]),
        ("?limit=2", [0, 1]),
        ("?after=0&limit=1", [1]),
        ("?after=2", []),
        ("?after=-1&limit=10000", [0, 1, 2]),
    ],
)
def test_a_part_of_the_results(api, made, wanted, rows):
    response = api.get(f"{BATCHES}{made}/results/{wanted}")

    lines = b"".join(response.streaming_content).splitlines()
    assert [json.loads(line)["index"] for line in lines] == rows


@pytest.mark.parametrize("wanted", ["after=x", "limit=0", "offset=3", "after=-2"])
def test_a_part_that_is_none_is_refused(api, made, wanted):
    response = api.get(f"{BATCHES}{made}/results/?{wanted}")

    assert response.status_code == 400
    assert wanted.split("=")[0] in response.content.decode()


def test_results_may_be_asked_for_as_lines(api, made):
    response = api._client.get(
        f"{BATCHES}{made}/results/", headers={"Accept": "application/x-ndjson"}
    )

    assert response.status_code == 200


def test_another_services_batch_does_not_exist(made, other_shop):
    stranger = Api(other_shop)

    assert stranger.get(f"{BATCHES}{made}/").status_code == 404
    assert stranger.get(f"{BATCHES}{made}/results/").status_code == 404
    assert stranger.post(None, path=f"{BATCHES}{made}/cancel/").status_code == 404
    assert stranger.get(BATCHES).json()["results"] == []
    assert {job.status for job in jobs_of(made)} == {"queued"}


def test_the_list(api, made):
    [listed] = api.get(BATCHES).json()["results"]

    assert (listed["id"], listed["status"], listed["total"]) == (made, "running", 3)
