"""Each filter, test and method gives what its name promises."""

import pytest

from apps.prompts import engine
from apps.prompts.engine import JSONValue, RenderError
from apps.prompts.engine.filters import FILTERS
from apps.prompts.engine.methods import METHODS
from apps.prompts.engine.predicates import PREDICATES

VALUES: dict[str, JSONValue] = {
    "text": "Hello big world",
    "rows": [{"n": 2, "k": "b"}, {"n": 1, "k": "A"}, {"n": 3, "k": "a"}],
    "lines": "one\n\ntwo",
}

CASES = {
    "-3|abs": "3",  # as in Jinja, the sign comes before the filter
    "text|capitalize": "Hello big world",
    "'ab'|count": "2",
    "{'b': 1, 'A': 2}|dictsort": '[["A", 2], ["b", 1]]',
    "{'b': 1, 'A': 2}|dictsort(by='value', reverse=true)": '[["A", 2], ["b", 1]]',
    "{'b': 1, 'A': 2}|dictsort(true)": '[["A", 2], ["b", 1]]',
    "[4, 5]|first": "4",
    "'x'|first": "x",
    "{'k': 1}|first": "k",
    "'1.5'|float": "1.5",
    "'x'|float(2.5)": "2.5",
    "lines|indent(2)": "one\n\n  two",
    "lines|indent('> ', true, true)": "> one\n> \n> two",
    "'12'|int": "12",
    "'12.9'|int": "12",
    "'x'|int(5)": "5",
    "'ff'|int(base=16)": "255",
    "[]|int": "0",
    "{'a': 1}|items": '[["a", 1]]',
    "[1, 'a', true]|join(', ')": "1, a, true",
    "rows|join('-', attribute='n')": "2-1-3",
    "[4, 5]|last": "5",
    "'abc'|length": "3",
    "'ab'|list": '["a", "b"]',
    "text|lower": "hello big world",
    "rows|map(attribute='k')": '["b", "A", "a"]',
    "rows|map(attribute='x', default=0)": "[0, 0, 0]",
    "[[1, [5]]]|map(attribute='1.0')": "[5]",
    "[[1, 5]]|map(attribute=1)": "[5]",
    "[3, 1]|max": "3",
    "(rows|max(attribute='n')).k": "a",
    "['b', 'A']|min": "A",
    "['b', 'B']|min(case_sensitive=true)": "B",
    "[1, 2, 3]|reject('odd')": "[2]",
    "[0, 1, '']|reject": '[0, ""]',
    "rows|rejectattr('n', 'gt', 1)|map(attribute='n')": "[1]",
    "text|replace('big', 'small')": "Hello small world",
    "'aaa'|replace('a', 'b', 2)": "bba",
    "[1, 2]|reverse": "[2, 1]",
    "'ab'|reverse": "ba",
    "2.567|round(1)": "2.6",
    "2.1|round(method='ceil')": "3.0",
    "2.19|round(1, 'floor')": "2.1",
    "42|round": "42",
    "[0, 1]|select": "[1]",
    "['a', none]|select('string')": '["a"]',
    "rows|selectattr('k', 'in', ['a', 'b'])|map(attribute='n')": "[2, 3]",
    "rows|selectattr('x', 'defined')": "[]",
    "rows|selectattr('n')|length": "3",
    "['b', 'A']|sort": '["A", "b"]',
    "[1, 3, 2]|sort(reverse=true)": "[3, 2, 1]",
    "rows|sort(attribute='k')|map(attribute='n')": "[1, 3, 2]",
    "rows|sort(attribute='k', case_sensitive=true)|map(attribute='n')": "[1, 3, 2]",
    "5|string ~ 'x'": "5x",
    "[1, 2.5]|sum": "3.5",
    "rows|sum(attribute='n', start=10)": "16",
    "'ab cd-ef'|title": "Ab Cd-Ef",
    "{'b': 'é\"', 'a': [1, none, true]}|tojson": '{"a": [1, null, true], "b": "é\\""}',
    "{'a': []}|tojson(2)": '{\n  "a": []\n}',
    "'<b> & \\'é\\''|tojson": "\"<b> & 'é'\"",
    "'  x '|trim": "x",
    "'--x-'|trim('-')": "x",
    "text|truncate(9, leeway=0)": "Hello...",
    "text|truncate(9, true, '…', 0)": "Hello bi…",
    "text|truncate(12)": "Hello big world",
    "['a', 'A', 1, '1', 1]|unique": '["a", 1, "1"]',
    "['a', 'A']|unique(true)": '["a", "A"]',
    "rows|unique(attribute='k')|map(attribute='n')": "[2, 1]",
    "text|upper": "HELLO BIG WORLD",
    "text|wordcount": "3",
    "3 is odd and 4 is even and 9 is divisibleby 3": "true",
    "1 is number and 1 is integer and 1.5 is float and true is boolean": "true",
    "true is integer": "false",
    "'a' is string and 'a' is lower and 'A' is upper": "true",
    "{} is mapping and [] is sequence and '' is iterable": "true",
    "none is none and true is true and false is false": "true",
    "1 is eq 1 and 1 is ne 2 and 1 is lt 2 and 2 is gt 1 and 1 is le 1 and 1 is ge 1": "true",
    "1 is in [1] and 2 is not in [1]": "true",
    "text.upper().lower().title().capitalize()": "Hello big world",
    "' x '.strip() ~ ' x '.lstrip() ~ ' x '.rstrip()": "xx  x",
    "'a,b,c'.split(',')": '["a", "b", "c"]',
    "'a,b,c'.split(',', 1)": '["a", "b,c"]',
    "' a  b '.split()": '["a", "b"]',
    "'ab'.startswith('a') and 'ab'.endswith('b')": "true",
    "'aa'.replace('a', 'b', 1)": "ba",
    "', '.join(['a', 1])": "a, 1",
    "{'a': 1}.get('a') ~ {}.get('a') ~ {}.get('a', 2)": "1null2",
    "{'a': 1}.keys() + {'a': 1}.values()": '["a", 1]',
    "{'a': 1}.items()": '[["a", 1]]',
    "range(2) + range(5, 3, -1)": "[0, 1, 5, 4]",
}


@pytest.mark.parametrize("expression", CASES)
def test_it_gives(expression: str) -> None:
    source = "{{ " + expression + " }}"

    assert engine.compile(source).render(VALUES) == CASES[expression]


def test_every_filter_test_and_method_has_a_case() -> None:
    text = " ".join(CASES)

    assert [name for name in FILTERS if f"|{name}" not in text] == []
    assert [name for name in METHODS if f".{name}(" not in text] == []
    assert [name for name in PREDICATES if name.isalpha() and f" {name} " not in f"{text} "] == [
        "equalto",
        "lessthan",
        "greaterthan",
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "5|length",
        "5|join",
        "5|first",
        "'a'|sum",
        "'a'|round",
        "'a'|round(method='up')",
        "1|round(method='up')",
        "'abc'|truncate(2)",
        "1|items",
        "{}|dictsort(by='x')",
        "[none, 1]|max",
        "'a'.split('')",
        "'a'.startswith(1)",
        "1.5 is even",
        "1 is divisibleby 0",
        "1 in 'a'",
        "1 in 1",
        "1[1:]",
        "'a'['b':]",
        "range('a')",
        "rows|map(attribute=none)",
        "'a'|replace('a', 1)",
        "'a'|int(base=99)",
    ],
)
def test_unfit_values_are_errors_of_our_own(expression: str) -> None:
    with pytest.raises(RenderError) as caught:
        engine.compile("{{ " + expression + " }}").render(VALUES)

    assert caught.value.code in {"type", "value"}
