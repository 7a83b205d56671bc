"""A template's variables are the names that it may read from its values, and no others."""

import pytest

from apps.prompts import engine


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("text", ""),
        ("{{ a }} {{ a.b }} {{ c['d'] }}", "a c"),
        ("{{ a|join(b) }} {{ c is in d }}", "a b c d"),
        ("{{ a|default(b) }} {{ c is defined }}", "a b c"),
        ("{{ a.get(b) }} {{ range(c) }} {{ d[e:f] }}", "a b c d e f"),
        ("{% set a = b %}{{ a }}", "b"),
        ("{% set a = a %}{{ a }}", "a"),
        ("{% set a, b = c %}{{ a }}{{ b }}", "c"),
        ("{{ a }}{% set a = 1 %}", "a"),
        ("{% for a in b %}{{ a }}{{ c }}{{ loop.index }}{% endfor %}", "b c"),
        ("{% for a in b %}{% endfor %}{{ a }}", "a b"),
        ("{% for a in a %}{% endfor %}", "a"),
        ("{% for a in b if a and c %}{% else %}{{ a }}{% endfor %}", "a b c"),
        ("{% for a in b %}{% set c = a %}{% endfor %}{{ c }}", "b c"),
        ("{% if a %}{% set b = 1 %}{% endif %}{{ b }}", "a b"),
        ("{% if a %}{% set b = 1 %}{% else %}{% set b = 2 %}{% endif %}{{ b }}", "a"),
        (
            "{% if a %}{% set b = 1 %}{% elif c %}{% else %}{% set b = 2 %}{% endif %}{{ b }}",
            "a b c",
        ),
        ("{{ {a: b} }}{{ [c, (d,)] }}{{ e ~ f }}{{ g if h else i }}", "a b c d e f g h i"),
        ("{{ größe }}", "größe"),
    ],
)
def test_they_are(source: str, expected: str) -> None:
    assert engine.check(source).variables == set(expected.split())
    assert engine.compile(source).variables == engine.check(source).variables


def test_reading_them_computes_nothing() -> None:
    source = "{{ 10000000 * 10000000 * 10000000 }}{{ 'a'|replace('a', b) }}"

    assert engine.check(source).variables == {"b"}
