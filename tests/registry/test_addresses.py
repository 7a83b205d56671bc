"""Which base URLs and models the registry accepts."""

import pytest
from django.core.exceptions import ValidationError

from apps.registry.models import Model, Provider


def provider(url):
    return Provider(slug="p", name="P", vendor="compatible", base_url=url)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://127.0.0.1:8080/v1",
        "http://llm:8000",
        "http://[::1]:1/v1",
    ],
)
def test_plain_addresses_are_fine(url):
    provider(url).full_clean()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com",
        "ftp://host/v1",
        "file:///etc/passwd",
        "http://user:word@host/v1",
        "http://user@host/v1",
        "http://host/v1?a=b",
        "http://host/v1#a",
        "http://host:0/",
        "http://host:99999/",
        "http://ho st/",
        "http://host\\@evil/",
        "http://[::1",
        "http://host/\n",
    ],
)
def test_others_are_refused(url):
    with pytest.raises(ValidationError) as caught:
        provider(url).full_clean()
    assert list(caught.value.message_dict) == ["base_url"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "window", "output", "fault"),
    [
        ("chat", 100, 101, True),
        ("chat", 100, 0, True),
        ("chat", 100, 100, False),
        ("embedding", 100, 0, False),
    ],
)
def test_an_answer_fits_its_window(kind, window, output, fault):
    model = Model(slug="m", name="M", kind=kind, context_window=window, max_output_tokens=output)
    if not fault:
        model.full_clean()
        return
    with pytest.raises(ValidationError) as caught:
        model.full_clean()
    assert list(caught.value.message_dict) == ["max_output_tokens"]
