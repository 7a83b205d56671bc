"""Every code that an answer can carry has its row on the page that `type` points at."""

import ast
from pathlib import Path

from rest_framework import exceptions

from llmplatform.api_errors import ERRORS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = {error.code for error in ERRORS}
RAISERS = {"CallRefused", "ApiError", "Problem"}


def raised_codes() -> set[str]:
    """The literal `code=` of every refusal, API error and problem in the source."""
    codes = set()
    for file in (ROOT / "apps").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISERS:
                codes |= {
                    keyword.value.value
                    for keyword in node.keywords
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
                }
    return codes


def test_every_code_that_we_raise_is_documented():
    assert raised_codes() - DOCUMENTED == set()
    assert len(raised_codes()) > 10


def test_the_codes_of_the_framework_are_documented():
    used = (
        exceptions.ParseError,
        exceptions.AuthenticationFailed,
        exceptions.NotAuthenticated,
        exceptions.PermissionDenied,
        exceptions.NotFound,
        exceptions.MethodNotAllowed,
        exceptions.NotAcceptable,
        exceptions.UnsupportedMediaType,
    )
    assert {error.default_code for error in used} - DOCUMENTED == set()


def test_each_code_stands_once():
    assert len(DOCUMENTED) == len(ERRORS)


def test_the_page_has_an_anchor_for_each(client):
    page = client.get("/api/v1/docs/errors/").content.decode()

    assert all(f'id="{code}"' in page for code in DOCUMENTED)


def test_the_schema_browser_has_nothing_inline(client):
    page = client.get("/api/v1/docs/").content.decode()

    assert "<style" not in page
    assert "<script>" not in page
