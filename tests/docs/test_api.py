"""docs/api.md lists the errors, fields and addresses that there are."""

import re

from drf_spectacular.generators import SchemaGenerator

from apps.jobs.api.requests import JobRequest
from llmplatform.api_errors import ERRORS
from tests.docs.settings_read import ROOT

PAGE = (ROOT / "docs" / "api.md").read_text()


def test_errors():
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)

    assert rows == [(error.code, error.status, error.meaning, error.retry) for error in ERRORS]


def test_fields_of_a_job():
    section = PAGE.partition("### What to post")[2].partition("| header")[0]
    rows = re.findall(r"^\| ((?:`\w+`(?:, | or )?)+) \|", section, re.MULTILINE)

    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(JobRequest().fields)


def test_addresses():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    named = re.findall(r"`(GET|POST) (/api/v1/[^`?]+)`", PAGE)

    assert len(named) > 6
    for method, path in named:
        pattern = re.compile(re.sub("<[^>]+>", "{[^}]+}", path))
        [match] = [known for known in paths if pattern.fullmatch(known)]
        assert method.lower() in paths[match]
