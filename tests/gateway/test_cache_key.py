"""Two requests share an answer only when they are the same request of the same tenant."""

from dataclasses import fields
from typing import get_type_hints

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.embedding_create_params import EmbeddingCreateParams

from apps.cache.keys import request_key
from apps.gateway.cached import RESOLVED, SHAPES_NOTHING
from apps.gateway.parameters import chat_faults, embedding_faults
from apps.gateway.shapes import CHAT_PARAMETERS, EMBEDDING_PARAMETERS, REFUSED
from apps.gateway.types import CallKind, CallSpec
from apps.registry.models import Deployment, Model
from tests.factories import make_model, make_priced_deployment, make_service

# Something of every type that OpenAI's parameters have; for each name the first that is valid.
_VALUES = (
    *(0.5, 1, True, False, "low", "words", "auto", "in_memory", {"type": "json_object"}, {"7": 1}),
    *(["words"], ["text"], [{"name": "f"}], [{"type": "function", "function": {"name": "f"}}]),
)
_WITH = {"top_logprobs": {"logprobs": True}}  # what a parameter is only allowed with
# `max_tokens` is the older name of `max_completion_tokens`: the same value would be no change.
_OWN = {"max_tokens": 2, "encoding_format": "base64"}


def valid_value(name, faults):
    for value in [_OWN[name]] if name in _OWN else _VALUES:
        if not faults({**_WITH.get(name, {}), name: value}):
            return value
    pytest.fail(f"No value for {name}: add one to _VALUES.")


@pytest.fixture
def able(shop):
    Model.objects.update(
        supports_tools=True, supports_json_schema=True, supports_images=True, context_window=10**6
    )


def test_the_parameters_tried_here_are_all_that_the_package_has():
    """A newer package with one more fails here, until it is in the key or is named as none."""
    chat = set(get_type_hints(CompletionCreateParamsNonStreaming))
    by_other_ways = {"model", "messages", "stream", "stream_options", "metadata"}
    assert chat - by_other_ways == CHAT_PARAMETERS.keys() | REFUSED.keys()
    embedding = set(get_type_hints(EmbeddingCreateParams))
    assert embedding - {"model", "input"} == EMBEDDING_PARAMETERS.keys()


def test_two_services_with_the_same_body_are_two_calls(call_pipeline, upstream):
    other = make_service("other")
    call_pipeline()

    assert call_pipeline(service=other).cache == "miss"
    assert len(upstream.log()) == 2


def test_each_chat_parameter_that_changes_is_a_miss(call_pipeline, able, upstream):
    call_pipeline()
    for count, name in enumerate(sorted(CHAT_PARAMETERS), start=2):
        given = {**_WITH.get(name, {}), name: valid_value(name, chat_faults)}
        assert call_pipeline(parameters=given).cache == "miss", name
        assert call_pipeline(parameters=given).cache == "hit", name
        assert len(upstream.log()) == count, name


def test_each_embedding_parameter_that_changes_is_a_miss(call_pipeline, shop, upstream):
    provider = Deployment.objects.get().provider
    vectors = make_model("vectors", kind="embedding", max_output_tokens=0)
    make_priced_deployment(provider=provider, model=vectors)
    spec = {"kind": CallKind.EMBEDDING, "model": "vectors", "messages": (), "inputs": ("words",)}
    call_pipeline(**spec)
    for name in sorted(EMBEDDING_PARAMETERS):
        given = {name: valid_value(name, embedding_faults)}
        assert call_pipeline(**spec, parameters=given).cache == "miss", name
    assert call_pipeline(**spec | {"inputs": ("other",)}).cache == "miss"
    assert call_pipeline(**spec | {"inputs": ("words", "words")}).cache == "miss"
    assert call_pipeline(**spec).cache == "hit"


def test_what_is_left_out_of_the_key_is_named(call_pipeline, upstream):
    """A field that a call gets one day is part of the key until somebody says that it shapes
    nothing."""
    assert {field.name for field in fields(CallSpec)} >= RESOLVED | SHAPES_NOTHING

    call_pipeline()
    assert call_pipeline(metadata={"order": 7}).cache == "hit"
    assert call_pipeline(context=("product-7",)).cache == "miss"
    assert call_pipeline(context=("product-7", "shop")).cache == "miss"
    assert call_pipeline(context=("shop", "product-7")).cache == "hit"


def test_equal_values_give_equal_keys_and_different_ones_never():
    def key(shape, tenant="shop"):
        return request_key(tenant=tenant, shape=shape)

    assert key({"a": 1, "b": [2.0]}) == key({"b": [2], "a": 1.0})
    assert len(key({})) == 64
    different = [{"a": "1"}, {"a": 1}, {"a": True}, {"a": [1]}, {"a": None}, {}, {"a": 1.5}]
    different += [{"a": ["x", "y"]}, {"a": ["xy"]}, {"a": 'x","y'}, {"a": {"x": "y"}}]
    assert len({key(shape) for shape in different}) == len(different)
    assert key({}, "shop") != key({}, "sho")


@pytest.mark.parametrize(
    "change",
    [
        lambda: Model.objects.update(max_output_tokens=1025),
        lambda: Model.objects.update(supports_tools=True),
        lambda: Deployment.objects.update(upstream_name="smaller"),
    ],
)
def test_a_changed_model_or_deployment_needs_no_invalidation(call_pipeline, upstream, change):
    call_pipeline(parameters={"max_tokens": 100})
    change()

    assert call_pipeline(parameters={"max_tokens": 100}).cache == "miss"


def test_answers_of_a_drained_deployment_are_still_given(call_pipeline, shop, upstream):
    first = Deployment.objects.get()
    make_priced_deployment(provider=first.provider, model=first.model, slug="small-2")
    assert call_pipeline().deployment == "small-1"
    Deployment.objects.filter(pk=first.pk).update(active=False)

    assert call_pipeline().cache == "hit"
