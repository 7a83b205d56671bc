"""Answers of similar questions: only where an author chose it, and only within its bounds."""

from itertools import count

import pytest
from django.utils import timezone

from apps.cache.exact_words import exact_words
from apps.cache.models import CacheRule
from apps.cache.services import invalidate
from apps.cache.types import Handle, Scope
from apps.cache.vectors import likeness, normed
from apps.core.redis import client
from apps.gateway.types import CallRefused
from apps.ledger.models import Attempt, Entry
from apps.prompts.models import Channel, Prompt
from apps.prompts.services import import_version
from apps.registry.models import Deployment, Model
from tests.factories import make_model, make_priced_deployment, make_service
from tests.fakes.answers import DIMENSIONS, vector

FROM = 0.9


def like(one, other):
    return likeness(normed(vector(one, DIMENSIONS)), normed(vector(other, DIMENSIONS)))


def worded(other, wanted):
    """A text that the fake's vectors call as similar to `other` as wanted. In letters only."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in count():
        word = "".join(letters[int(digit)] for digit in str(number))
        text = f"how about {word} then"
        if wanted(like(other, text)):
            return text
    return ""


ASKED = "where is my parcel"
SIMILAR = worded(ASKED, lambda cosine: cosine > FROM + 0.01)
ANOTHER = worded(ASKED, lambda cosine: cosine < FROM - 0.1)


def seal(**values):
    document = {
        "slug": "helper", "name": "Helper", "model": "small", "note": "A test.",
        "messages": [{"role": "user", "content": "{{ tone }} {{ question }}"}],
        "variables": {
            "question": {"type": "string"},
            "tone": {"type": "string", "required": False, "default": "kindly"},
        },
    } | values  # fmt: skip
    channel = Channel.objects.get(slug="production")
    import_version(document=document, by=None, now=timezone.now(), seal=True, channel=channel)


@pytest.fixture
def rule(shop, runtime):
    vectors = make_model("vectors", kind="embedding", max_output_tokens=0)
    make_priced_deployment(
        provider=Deployment.objects.get().provider, model=vectors, slug="vectors-1", input_pico=3
    )
    seal()
    return CacheRule.objects.create(
        prompt=Prompt.objects.get(), ttl_seconds=600,
        similar_variable="question", similar_model=vectors, similar_from=FROM,
    )  # fmt: skip


@pytest.fixture
def ask(call_pipeline):
    def run(question=ASKED, tone="kindly", seconds=60, **values):
        spec = {"model": "", "messages": (), "prompt": "helper"}
        variables = {"question": question, "tone": tone}
        return call_pipeline(seconds=seconds, **spec | {"variables": variables} | values)

    return run


def embedded(upstream):
    return sum("input" in entry["body"] for entry in upstream.log())


def test_a_similar_question_gets_the_answer_at_no_cost(ask, rule, upstream):
    first = ask()
    again = ask(SIMILAR)

    assert (again.cache, again.text, again.cost_pico) == ("similar", first.text, 0)
    assert (again.avoided_pico, again.cache_key) == (first.cost_pico, first.cache_key)
    assert again.likeness == pytest.approx(like(ASKED, SIMILAR), abs=1e-3)
    hit = Entry.objects.get(kind="cache_hit")
    assert (hit.amount_pico, hit.avoided_pico, hit.prompt) == (0, first.cost_pico, "helper")


def test_its_vectors_are_calls_in_the_books(ask, rule, upstream):
    ask()
    ask(SIMILAR, context=("spring",))

    spent = Entry.objects.filter(purpose="similar", kind="charge")
    assert [entry.model for entry in spent] == ["vectors", "vectors"]
    assert all(entry.amount_pico > 0 and entry.service == "shop" for entry in spent)
    assert {tuple(entry.tags) for entry in spent} == {(), ("spring",)}
    assert Attempt.objects.filter(purpose="similar").count() == embedded(upstream) == 2


def test_what_is_not_similar_or_was_asked_before_is_as_without(ask, rule, upstream):
    assert [ask(text).cache for text in (ASKED, ANOTHER, ASKED)] == ["miss", "miss", "hit"]
    assert embedded(upstream) == 2, "the same request needs no vector"


def test_nobody_who_did_not_choose_it_pays_or_gets_it(ask, rule, upstream):
    CacheRule.objects.update(similar_variable="", similar_model=None, similar_from=None)

    assert [ask(text).cache for text in (ASKED, SIMILAR)] == ["miss", "miss"]
    assert embedded(upstream) == 0
    assert not client().keys("cache:questions:*")


def other_version():
    seal(messages=[{"role": "user", "content": "Answer: {{ tone }} {{ question }}"}])


@pytest.mark.parametrize(
    ("values", "change"),
    [
        ({"service": "other"}, None),
        ({"tone": "briefly"}, None),
        ({"parameters": {"temperature": 0.5}}, None),
        ({"context": ("spring",)}, None),
        ({"region": "eu"}, lambda: Deployment.objects.update(region="eu")),
        ({}, other_version),
        ({}, lambda: Deployment.objects.filter(slug="small-1").update(upstream_name="changed")),
        ({}, lambda: Deployment.objects.filter(slug="vectors-1").update(upstream_name="changed")),
    ],
)
def test_everything_but_the_wording_must_be_equal(ask, rule, upstream, values, change):
    ask()
    assert ask(SIMILAR).cache == "similar"
    if change is not None:
        change()
    if "service" in values:
        values = {"service": make_service("other")}

    assert ask(SIMILAR, **values).cache == "miss"


@pytest.mark.parametrize("more", ["not", "7", "SAVE10", "without", "Italy"])
def test_words_that_a_vector_is_blind_to_must_be_equal(ask, rule, upstream, more):
    CacheRule.objects.update(similar_from="0.5")
    ask()
    text = next(
        text for number in count()
        if like(ASKED, text := f"is it {more} {'ok ' * number}then") > 0.5
    )  # fmt: skip
    assert exact_words(text) != exact_words(ASKED)
    assert ask(text).cache == "miss"


@pytest.mark.parametrize(
    "scope", [("shop", Handle.PROMPT, "helper"), ("*", Handle.MODEL, "small"), "key"]
)
def test_one_write_invalidates_for_similar_questions_too(ask, rule, upstream, scope):
    first = ask()
    assert ask(SIMILAR).cache == "similar"
    scope = ("shop", Handle.KEY, first.cache_key) if scope == "key" else scope
    invalidate(scope=Scope(*scope), reason="a test", actor="test", now=timezone.now())

    assert ask(SIMILAR).cache == "miss"


def test_the_callers_mode_counts(ask, rule, upstream):
    ask()
    vectors = embedded(upstream)
    assert ask(SIMILAR, cache="bypass").cache == "bypass"
    assert ask(ANOTHER, cache="refresh").cache == "miss"
    assert embedded(upstream) == vectors
    assert ask(SIMILAR, cache="only").cache == "similar"
    with pytest.raises(CallRefused, match="No cached answer"):
        ask("never asked", cache="only")


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 404}, {"body": "null"}])
def test_without_a_vector_it_is_a_miss(ask, rule, upstream, fault):
    upstream.behave(model="vectors", **fault)

    assert [ask(text).cache for text in (ASKED, SIMILAR)] == ["miss", "miss"]


def test_a_slow_vector_is_given_up(ask, rule, upstream):
    upstream.behave(model="vectors", latency=30)

    assert ask(seconds=15).cache == "miss"


def test_a_value_that_was_cut_is_a_miss(ask, rule, upstream):
    first = ask()
    name = f"cache:answer:shop:{first.cache_key}"
    client().set(name, client().get(name)[:-9])

    assert ask(SIMILAR).cache == "miss"


def test_personal_questions_are_never_shared(ask, rule, upstream):
    personal = {"type": "string", "sensitivity": "personal"}
    seal(variables={"question": personal, "tone": {"type": "string"}})

    assert [ask(text).cache for text in (ASKED, SIMILAR)] == ["miss", "miss"]
    assert embedded(upstream) == 0


def test_another_model_instead_of_the_chosen_one_is_none(ask, rule, upstream):
    Model.objects.filter(slug="vectors").update(active=False)
    assert [ask(text).cache for text in (ASKED, SIMILAR)] == ["miss", "miss"]
