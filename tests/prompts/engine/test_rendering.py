"""Ordinary templates give the text that their author expects."""

import threading

import pytest

from apps.prompts import engine
from apps.prompts.engine import JSONValue, RenderError

VALUES: dict[str, JSONValue] = {
    "name": "ada lovelace",
    "city": "Köln",
    "gift": True,
    "note": None,
    "total": 12.5,
    "tags": ["red", "oak"],
    "order": {"id": 7, "items": [{"name": "Lamp", "price": 9.5}, {"name": "Desk", "price": 120}]},
    "sneaky": "{{ name }} {% if x %}",
}


def render(source: str, **more: JSONValue) -> str:
    return engine.compile(source).render(VALUES | more)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Plain text.\n", "Plain text.\n"),
        ("Dear {{ name|title }} of {{ city }}!", "Dear Ada Lovelace of Köln!"),
        ("{{ gift }} {{ note }} {{ total }} {{ tags }}", 'true null 12.5 ["red", "oak"]'),
        ("{{ {'b': 1, 'a': 'é<&'} }}", '{"a": "é<&", "b": 1}'),
        ("{{ 'a' ~ 1 ~ true ~ none }}", "a1truenull"),
        ("{{ sneaky }}", "{{ name }} {% if x %}"),
        ("{{ sneaky ~ sneaky|upper }}", "{{ name }} {% if x %}{{ NAME }} {% IF X %}"),
        ("{% if gift %}yes{% else %}no{% endif %}", "yes"),
        ("{% if note %}a{% elif total > 10 %}b{% else %}c{% endif %}", "b"),
        ("{{ 'a' if gift else 'b' }}", "a"),
        ("{% for t in tags %}{{ loop.index }}{{ t }}{% endfor %}", "1red2oak"),
        ("{% for t in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for t in tags if t == 'oak' %}{{ loop.length }}{{ t }}{% endfor %}", "1oak"),
        ("{% for k, v in {'a': 1}.items() %}{{ k }}={{ v }}{% endfor %}", "a=1"),
        ("{% for k in {'a': 1, 'b': 2} %}{{ k }}{% endfor %}", "ab"),
        ("{% for i in order.items %}{{ i.name }};{% endfor %}", "Lamp;Desk;"),
        ("{{ order.items|sum('price') }}", "129.5"),
        ("{{ order['id'] }}{{ order.items[-1].name }}{{ tags.0 }}", "7Deskred"),
        ("{% set x = 2 %}{% set y, z = x, x + 1 %}{{ x * y + z }}", "7"),
        ("{% set x = 1 %}{% for t in tags %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "221"),
        (
            (
                "{% for a in [1, 2] %}{% for b in [3] %}{{ loop.index }}{% endfor %}"
                "{{ loop.index }}{% endfor %}"
            ),
            "1112",
        ),
        ("{% for x in [1] %}{{ x }}{% endfor %}{{ x|default('gone') }}", "1gone"),
        ("{# hidden #}{% raw %}{{ kept }}{% endraw %}", "{{ kept }}"),
        ("a \n {%- if gift -%} \n b \n {%- endif %} c", "ab c"),
        ("{{ name -}}   !", "ada lovelace!"),
        ("line\r\nend\r\n", "line\nend\n"),
        ("{{ missing|default('-') }}{{ note|default('-') }}{{ note|d('-', true) }}", "-null-"),
        ("{{ order.gift|default('no') }} {{ order.gift is defined }}", "no false"),
        ("{{ 1 < 2 <= 2 != 3 }} {{ 'a' in tags }} {{ 'oak' in tags }}", "true false true"),
        ("{{ 7 // 2 }} {{ 7 % 4 }} {{ 7 / 2 }} {{ -3 + 1 }}", "3 3 3.5 -2"),
        ("{{ name[:3] }} {{ tags[::-1]|join(' ') }}", "ada oak red"),
        ("日本 {{ '☃' }}", "日本 ☃"),
    ],
)
def test_it_renders(source: str, expected: str) -> None:
    assert render(source) == expected


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("a\n{{ missing }}", "variable `missing` is missing", 2),
        ("{{ order.gift }}", "`order` has no `gift`", 1),
        ("{{ order.gift.wrap }}", "`order` has no `gift`", 1),
        ("{{ name.first }}", "`name` is text and has no `first`", 1),
        ("{{ tags[9] }}", "`tags` has only 2 entries", 1),
        ("\n\n{{ 'x' if note }}", "has no `else`", 3),
        ("{{ [missing]|length }}", "variable `missing` is missing", 1),
        ("{% if missing %}{% endif %}", "variable `missing` is missing", 1),
        ("{% set x = missing %}", "variable `missing` is missing", 1),
        ("{{ []|first }}", "`first` of nothing", 1),
        ("{% for i in order.items %}\n{{ i.size }}\n{% endfor %}", "`i` has no `size`", 2),
        ("{{ order.items|map(attribute='size') }}", "`item` has no such key", 1),
        ("{% for c in name %}{% endfor %}", "`for` needs a list, not text", 1),
        ("{% for a, b in tags %}{% endfor %}", "2 names cannot take text", 1),
        ("{{ 'a' + 1 }}", "use `~`", 1),
        ("{{ name - 1 }}", "`-` needs numbers, not text", 1),
        ("{{ tags < 1 }}", "a list and a number have no order", 1),
        ("{{ [1, 'a']|sort }}", "a number and text have no order", 1),
        ("{{ order.upper() }}", "`.upper()` needs text, not an object", 1),
        ("{{ {1: 2} }}", "the key of an object needs text, not a number", 1),
        ("{{ 1 // 0 }}", "`//` by zero", 1),
        ("{{ range(0, 9, 0) }}", "must not be 0", 1),
        ("{{ tags[::0] }}", "must not be 0", 1),
    ],
)
def test_it_says_what_is_wrong_and_where(source: str, message: str, line: int) -> None:
    with pytest.raises(RenderError) as caught:
        render(source)

    assert message in caught.value.message
    assert caught.value.line == line
    assert caught.value.permanent


def test_messages_never_hold_values() -> None:
    sources = ("{{ v + 1 }}", "{{ v.x }}", "{{ v[1:'a'] }}", "{{ {}[v] }}", "{{ v|int|first }}")

    for source in sources:
        with pytest.raises(RenderError) as caught:
            render(source, v="secret")
        assert "secret" not in str(caught.value)


def test_one_template_serves_many_threads() -> None:
    template = engine.compile("{% for i in range(n) %}{% set x = i * n %}{{ x }},{% endfor %}")
    found: dict[int, str] = {}

    def work(n: int) -> None:
        found[n] = "".join({template.render({"n": n}) for _ in range(50)})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {n: "".join(f"{i * n}," for i in range(n)) for n in range(2, 8)}


def test_values_stay_as_they_were() -> None:
    values: dict[str, JSONValue] = {"x": {"a": [1, 2]}}

    assert engine.compile("{% set y = x.a + [3] %}{{ y }}{{ x }}").render(values) == (
        '[1, 2, 3]{"a": [1, 2]}'
    )
    assert values == {"x": {"a": [1, 2]}}
