"""What may not differ between two questions that share an answer."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.cache.exact_words import exact_words

PLAIN = st.lists(
    st.sampled_from(
        ["how", "do", "i", "return", "the", "jacket", "can", "you", "deliver", "shoes", "possible"]
    ),
    min_size=2,
)
NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(0, 1000, places=2).map(str),
    st.from_regex(r"[A-Z]{1,3}-?[0-9]{1,6}[a-z]?", fullmatch=True),
    st.dates().map(str),
    st.sampled_from(["½", "5€", "3,50", "12:30", "٣"]),
)
NEGATIONS = st.sampled_from(
    ["not", "without", "never", "no", "don't", "can’t", "cannot", "nicht", "ohne", "keine", "NOT"]
)


@given(words=PLAIN, one=NUMBERS, other=NUMBERS, data=st.data())
def test_another_number_or_code_is_another_question(words, one, other, data):
    place = data.draw(st.integers(0, len(words)))

    def text(number):
        return " ".join([*words[:place], number, *words[place:]])

    assert (exact_words(text(one)) == exact_words(text(other))) == (normal(one) == normal(other))
    assert exact_words(text(one)) != exact_words(" ".join(words))


def normal(number):
    return unicodedata.normalize("NFKC", number).casefold()


@given(words=PLAIN, negation=NEGATIONS, data=st.data())
def test_a_negation_more_is_another_question(words, negation, data):
    place = data.draw(st.integers(0, len(words)))
    denied = " ".join([*words[:place], negation, *words[place:]])

    assert exact_words(denied) != exact_words(" ".join(words))
    assert exact_words(f"{denied} {negation}") != exact_words(denied), "two make a yes"


@given(st.text())
def test_any_text_has_its_words_and_the_same_ones_again(text):
    assert exact_words(text) == exact_words(text)
    assert exact_words(f"{text} 7") != exact_words(f"{text} 8")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I return it?", "What is the way to send it back?"),
        ("I can't pay", "I am not able to pay"),
        ("Which cannot go?", "Which can not go?"),
        ("Size 38, please", "please: size 38!"),
        ("Is it paid before delivery?", "do i pay before you deliver it?"),
        ("I'm late. May I go?", "am i late and may I go"),
    ],
)
def test_wording_may_differ(one, other):
    assert exact_words(one) == exact_words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Do you deliver to France?", "Do you deliver to Italy?"),
        ("Can I pay before delivery?", "Can I pay after delivery?"),
        ("May I open it?", "Mayn't I open it?"),
        ("From 3 to 5", "From 5 to 3"),
        ("below 50 €", "below 50 $"),
        ("Is it -10 outside?", "Is it 10 outside?"),
        ("Is it toxic?", "Is it non-toxic?"),
        ("turn it on", "turn it off"),
        ("Is part A12-B in stock?", "Is part A12-C in stock?"),
        ("two tickets", "three tickets"),
    ],
)
def test_meaning_may_not(one, other):
    assert exact_words(one) != exact_words(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("with", "with\u200bout"),  # a space of no width
        ("do return", "do\u200bnot return"),
        ("do return", "do n\u043et return"),  # a Cyrillic o
        ("do return", "do n\u0336ot return"),  # struck through
        ("is it", "isn\u02bct it"),  # other apostrophes, and none
        ("is it", "isn\u00b4t it"),
        ("can you", "cant you"),
        ("will you", "wont you"),
    ],
)
def test_a_negation_that_is_disguised_or_typed_in_haste_is_none_less(one, other):
    assert exact_words(one) != exact_words(other)
