"""Templates that hang or fill Jinja's own sandbox, and more: each is refused or stopped early."""

import resource
import time
from collections.abc import Callable
from typing import NamedTuple

import pytest

from apps.prompts import engine
from apps.prompts.engine import JSONValue, PolicyError, RenderError, TemplateSyntaxError

MOST_SECONDS = 0.5
MOST_KILOBYTES = 50_000

BIG_TEXT: JSONValue = "a" * 400_000
WIDE_TEXT: JSONValue = "日本" * 100_000
ROWS: JSONValue = [{"k": f"key {n % 7}", "n": n, "t": "x" * 50} for n in range(4_000)]
SIMILAR: JSONValue = [{"k": "z" * 400 + str(n)} for n in range(1_500)]
NUMBERS: JSONValue = list(range(30_000))
WORDS: JSONValue = [f"word {n}" for n in range(20_000)]
OBJECT: JSONValue = {f"key {n}": n for n in range(20_000)}
# Equal hashes in CPython, where a number's hash is its remainder by 2^61 - 1.
COLLIDING: JSONValue = [n * (2**61 - 1) for n in range(15_000)]


def loop(body: str, times: int = 1_000) -> str:
    return "{% for round in range(" + str(times) + ") %}" + body + "{% endfor %}"


def steps(first: str, step: str, times: int, last: str = "{{ x }}") -> str:
    return "{% set x = " + first + " %}" + ("{% set x = " + step + " %}") * times + last


def kept(expression: str, times: int) -> str:
    return "".join(f"{{% set x{n} = {expression} %}}" for n in range(times))


REFUSED = {
    "globals of lipsum": "{{ lipsum.__globals__ }}",
    "lipsum": "{{ lipsum(n=100000) }}",
    "classes of a text": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "class by subscript": "{{ x['__class__'] }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "joiner": "{{ joiner(', ')() }}",
    "self": "{{ self.__init__ }}",
    "namespace": "{% set ns = namespace(x=1) %}",
    "attribute of a namespace": "{% set ns.x = 1 %}",
    "dict()": "{{ dict(a=1) }}",
    "format": "{{ '{0.__class__}'.format(1) }}",
    "format with width": "{{ '{:3000000000}'.format(1) }}",
    "format_map": "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "stored format": "{% set f = '{0.__class__}'.format %}{{ f(1) }}",
    "ljust": "{{ 'a'.ljust(3000000000) }}",
    "zfill": "{{ 'a'.zfill(3000000000) }}",
    "encode": "{{ 'a'.encode() }}",
    "attr filter": "{{ ''|attr('__class__') }}",
    "format filter": "{{ '%s'|format(1) }}",
    "percent format": "{{ '%3000000000d' % 1 }}",
    "repeated text": "{{ 'a' * 1000000000 }}",
    "repeated text, swapped": "{{ 1000000000 * 'a' }}",
    "center": "{{ 'a'|center(3000000000) }}",
    "wordwrap": "{{ 'a'|wordwrap(1) }}",
    "slice filter": "{{ [1]|slice(3000000000)|list }}",
    "batch": "{{ [1]|batch(3000000000, 0)|list }}",
    "groupby": "{{ x|groupby('k') }}",
    "pprint": "{{ x|pprint }}",
    "xmlattr": "{{ {'a': 1}|xmlattr }}",
    "urlize": "{{ x|urlize }}",
    "random": "{{ [1, 2]|random }}",
    "map with a filter": "{{ x|map('center', 1000000)|list }}",
    "test named by a value": "{{ x|select(y) }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "power of names": "{{ a ** b }}",
    "macro": "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(60) }}",
    "call block": "{% call f() %}{% endcall %}",
    "recursive loop": "{% for x in y recursive %}{{ loop(y) }}{% endfor %}",
    "loop called": "{% for x in y %}{{ loop(y) }}{% endfor %}",
    "loop as a value": "{% for x in y %}{% set l = loop %}{% endfor %}",
    "loop methods": "{% for x in y %}{{ loop.cycle(1, 2) }}{% endfor %}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'x' as y %}",
    "from import": "{% from 'x' import y %}",
    "extends": "{% extends 'x' %}",
    "block": "{% block x %}{% endblock %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "set block": "{% set x %}y{% endset %}",
    "with": "{% with x = 1 %}{% endwith %}",
    "autoescape": "{% autoescape true %}{% endautoescape %}",
    "spread arguments": "{{ x|join(*y) }}{{ x.get(**y) }}",
    "call of a value": "{{ x['y']() }}{{ x() }}{{ (1)() }}",
    "nested loops": "{% for a in x %}" * 25 + "{% endfor %}" * 25,
    "nested ifs": "{% if a %}" * 150 + "{% endif %}" * 150,
    "very nested ifs": "{% if a %}" * 999 + "{% endif %}" * 999,
    "brackets": "{{ " + "(" * 90 + "1" + ")" * 90 + " }}",
    "list brackets": "{{ " + "[" * 2_000,
    "filter chain": "{{ x" + "|upper" * 3_000 + " }}",
    "not chain": "{{ " + "not " * 3_000 + "x }}",
    "minus chain": "{{ " + "- " * 3_000 + "1 }}",
    "ternary chain": "{{ " + "1 if 0 else " * 900 + "2 }}",
    "and chain": "{{ " + "1 and " * 3_000 + "1 }}",
    "or chain": "{{ " + "0 or " * 3_000 + "1 }}",
    "plus chain": "{{ " + "1 + " * 3_000 + "1 }}",
    "dot chain": "{{ a" + ".b" * 3_000 + " }}",
    "subscript chain": "{{ a" + "[0]" * 3_000 + " }}",
    "a megabyte of tags": "{{ a }}" * 143_000,
    "many tags": "{{a}}" * 2_001,
    "many comments": "{##}" * 2_001,
    "one huge tag": "{{ [" + "1," * 40_000 + "] }}",
    "digits": "{{ " + "9" * 90_000 + " }}",
    "hexadecimal digits": "{{ 0x" + "f" * 90_000 + " }}",
    "digits with underscores": "{{ " + "1_" * 40_000 + "1 }}",
    "wide number": "{{ 0x" + "f" * 70 + " }}",
    "infinite number": "{{ 1e999 }}",
    "surrogate by escape": r"{{ '\ud800' }}",
    "surrogate": "\ud800",
    "NUL": "a\x00b",
    "NUL by escape": r"{{ '\x00' }}",
    "long name": "{{ " + "a" * 90_000 + " }}",
    "setting loop": "{% for loop in x %}{% endfor %}",
    "setting range": "{% set range = 1 %}",
}

UNREADABLE = {
    "unknown tag": "{% do x.append(1) %}",
    "debug": "{% debug %}",
    "open tag": "{{ x",
    "open text": "{{ '" + "\\a" * 40_000,
    "open comment": "{#" * 49_000,
    "open raw": "{% raw %}" + "{%" * 49_000,
    "raw and spaces": "{% raw %}" + ("{% endraw" + " " * 100) * 900,
    "spaces": "{% " + " " * 90_000,
    "bad escape": r"{{ '\xzz' }}",
    "float of floats": "{{ " + "1e" * 40_000 + " }}",
}

STOPPED: dict[str, tuple[str, dict[str, JSONValue]]] = {
    "nested ranges": (loop(loop(loop(""))), {}),
    "nested ranges that print": (loop(loop("x")), {}),
    "range": ("{{ range(100001) }}", {}),
    "endless range": ("{{ range(n) }}", {"n": 2**255}),
    "sort": (loop("{% set y = x|sort(attribute='t') %}"), {"x": ROWS}),
    "sort of similar texts": (loop("{% set y = x|sort(attribute='k') %}"), {"x": SIMILAR}),
    "unique": (loop("{% set y = x|unique(attribute='k') %}"), {"x": ROWS}),
    "unique, colliding": (loop("{% set y = x|unique %}"), {"x": COLLIDING}),
    "in, colliding": ("{% for y in x if y in x %}{% endfor %}", {"x": COLLIDING}),
    "sum": (loop("{% set y = x|sum %}"), {"x": NUMBERS}),
    "min": (loop("{% set y = x|min %}"), {"x": WORDS}),
    "join": (loop("{% set y = x|join %}"), {"x": WORDS}),
    "join with a long text": ("{{ x|join(y) }}", {"x": NUMBERS, "y": BIG_TEXT}),
    "map": (loop("{% set y = x|map(attribute='k') %}"), {"x": ROWS}),
    "map by a long path": ("{{ x|map(attribute=y) }}", {"x": ROWS, "y": "a." * 99}),
    "selectattr": (loop("{% set y = x|selectattr('t', 'eq', 'x') %}"), {"x": ROWS}),
    "select in": ("{% set y = x|select('in', x) %}", {"x": WORDS}),
    "comparing deep lists": (loop("{% if x == x[:] %}{% endif %}"), {"x": ROWS}),
    "finding in deep lists": (loop("{% if [1] in x %}{% endif %}"), {"x": ROWS}),
    "comparing objects": (loop("{% if x == x %}{% endif %}"), {"x": OBJECT}),
    "comparing texts": (loop(loop("{% if x == x ~ '' %}{% endif %}")), {"x": "a" * 200_000}),
    "ordering texts": (loop("{% if x < y %}{% endif %}"), {"x": WIDE_TEXT, "y": WIDE_TEXT}),
    "searching": (loop("{% if y in x %}{% endif %}"), {"x": BIG_TEXT, "y": "b" + "a" * 90}),
    "splitting": (loop("{% set y = x.split() %}"), {"x": "a " * 100_000}),
    "splitting at a text": (loop("{% set z = x.split(y) %}"), {"x": BIG_TEXT, "y": "a" * 50 + "b"}),
    "items": (loop("{% set y = x.items() %}"), {"x": OBJECT}),
    "values": (loop("{% set y = x.values() %}"), {"x": OBJECT}),
    "dictsort": (loop("{% set y = x|dictsort %}"), {"x": OBJECT}),
    "title": (loop("{% set y = x|title %}"), {"x": "a " * 100_000}),
    "wordcount": (loop("{% set y = x|wordcount %}"), {"x": "a " * 100_000}),
    "startswith": (loop("{% set y = x.startswith(x) %}"), {"x": "a" * 200_000}),
    "strip": (loop("{% set z = x.strip(y) %}"), {"x": WIDE_TEXT, "y": "本日" * 5_000}),
    "is upper": (loop("{% if x is upper %}{% endif %}"), {"x": "A" * 200_000}),
    "condition of a loop": (loop("{% for y in x if y in x %}{% endfor %}"), {"x": WORDS}),
    "objects in loops": (loop(loop("{% set y = {'a': {'b': [1, 2, 3, 4]}} %}")), {}),
    "squaring": (steps("2", "x * x", 30), {}),
    "squaring fractions": (steps("2.0", "x * x", 30), {}),
    "adding to itself": (steps("1", "x + x", 300), {}),
    "division": ("{{ 1 / 0 }}", {}),
    "repeated text of values": ("{{ x * n }}", {"x": "a", "n": 10**9}),
    "repeated list of values": ("{{ x * n }}", {"x": [1], "n": 10**9}),
    "format of values": ("{{ x % n }}", {"x": "%3000000000d", "n": 1}),
    "rounding far": ("{{ 1|round(-999999999) }}", {}),
    "doubling by ~": (steps("'aaaaaaaaaa'", "x ~ x", 30), {}),
    "doubling by +": (steps("'aaaaaaaaaa'", "x + x", 30), {}),
    "doubling a list": (steps("[1]", "x + x", 30, "{{ x|length }}"), {}),
    "doubling by join": (steps("['aaaaaaaa']", "[x|join, x|join]", 30), {}),
    "doubling by nesting, printed": (steps("[1]", "[x, x]", 40), {}),
    "doubling by nesting, as JSON": (steps("[1]", "[x, x]", 40, "{{ x|tojson(indent=8) }}"), {}),
    "doubling by nesting, unique": (steps("[1]", "[x, x]", 40, "{{ x|unique }}"), {}),
    "doubling by nesting, compared": (
        steps("[1]", "[x, x]", 30, "{% set y = x %}") + steps("[1]", "[x, x]", 30, "{{ x == y }}"),
        {},
    ),
    "deep list, printed": (steps("[1]", "[x]", 1_200), {}),
    "deep list, compared": (
        steps("[1]", "[" * 15 + "x" + "]" * 15, 100, "{% set y = x %}")
        + steps("[2]", "[" * 15 + "x" + "]" * 15, 100, "{{ x == y }}"),
        {},
    ),
    "growing by replace": ("{{ 'a'" + "|replace('a', 'aaaaaaaaaa')" * 9 + " }}", {}),
    "replacing nothing": ("{{ x|replace('', x) }}", {"x": BIG_TEXT}),
    "indent": ("{{ x|indent(3000000) }}", {"x": "\n" * 1_000}),
    "indent of lines": ("{{ x|indent(40, true, true) }}", {"x": "\n" * 10_000}),
    "indent by a text": ("{{ x|indent(y) }}", {"x": "\n" * 10_000, "y": BIG_TEXT}),
    "indent of JSON": ("{{ [1]|tojson(indent=2000000000) }}", {}),
    "truncate with a long end": ("{{ x|truncate(3, true, x) }}", {"x": BIG_TEXT}),
    "truncate to a huge length": ("{{ x|truncate(3000000000) }}", {"x": BIG_TEXT}),
    "long output": ("{{ x }}" * 2_000, {"x": BIG_TEXT}),
    "JSON of values": ("{{ x }}" * 100, {"x": ROWS}),
    "kept texts": (kept("x ~ x", 400), {"x": WIDE_TEXT}),
    "kept letters": (kept("x|list", 400), {"x": WIDE_TEXT}),
    "kept large letters": (kept("x|upper", 400), {"x": "ΐ" * 200_000}),
    "kept slices": (kept("x[1:]", 400), {"x": ROWS}),
    "kept reversed texts": (kept("x[::-1]", 400), {"x": WIDE_TEXT}),
    "kept pairs": (kept("x|items", 400), {"x": OBJECT}),
    "unpacking": ("{% set " + "a, " * 999 + "b = range(999) %}", {}),
    "values too large": ("x", {"x": "a" * 1_000_001}),
    "values too many": ("x", {"x": list(range(70_000))}),
}

FINE: dict[str, tuple[str, dict[str, JSONValue], str]] = {
    "slice with a huge step": ("{{ 'abc'[::99999999999999999999999999] }}", {}, "a"),
    "slice with huge bounds": ("{{ 'abc'[-99999999999999999999:1] }}", {}, "a"),
    "nested but not printed": (steps("[1]", "[x, x]", 40, "{{ x|length }}"), {}, "2"),
    "not a number": ("{{ 'nan'|float }} {{ '-inf'|float }}", {}, "0.0 0.0"),
    "infinite text": ("{{ '1e999'|int }}", {}, "0"),
    "many digits in a text": ("{{ x|int }}", {"x": "9" * 100_000}, "0"),
    "long comparison": ("{{ " + "1 < " * 3_000 + "1 }}", {}, "false"),
    "long literal": ("{{ '" + "a" * 90_000 + "' }}", {}, "a" * 90_000),
    "dunder made of parts": ("{{ x['__cl' ~ 'ass__'] is defined }}", {"x": {}}, "false"),
    "hidden item of a text": ("{{ 'a'['upper'] is defined }}", {}, "false"),
}


class Effort(NamedTuple):
    seconds: float
    kilobytes: int


def effort_of(work: Callable[[], object]) -> Effort:
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.process_time()
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return Effort(time.process_time() - started, after.ru_maxrss - before.ru_maxrss)


def assert_small(effort: Effort) -> None:
    assert effort.seconds < MOST_SECONDS
    assert effort.kilobytes < MOST_KILOBYTES


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_when_saving(name: str) -> None:
    def attempt() -> None:
        with pytest.raises(PolicyError) as caught:
            engine.check(REFUSED[name])
        assert len(caught.value.message) < 700

    assert_small(effort_of(attempt))


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_it_is_no_template(name: str) -> None:
    def attempt() -> None:
        with pytest.raises(TemplateSyntaxError) as caught:
            engine.check(UNREADABLE[name])
        assert len(caught.value.message) < 400

    assert_small(effort_of(attempt))


@pytest.mark.parametrize("name", STOPPED)
def test_it_is_stopped_when_rendering(name: str) -> None:
    source, values = STOPPED[name]

    def attempt() -> None:
        with pytest.raises(RenderError) as caught:
            engine.compile(source).render(values, clock=lambda: 0.0)  # fuel alone must do
        assert caught.value.permanent

    assert_small(effort_of(attempt))


@pytest.mark.parametrize("name", FINE)
def test_it_does_no_harm(name: str) -> None:
    source, values, expected = FINE[name]

    def attempt() -> None:
        assert engine.compile(source).render(values) == expected

    assert_small(effort_of(attempt))


@pytest.mark.parametrize(
    "source",
    [
        "{{ [" + "1," * 4_900 + "] }}",
        "{{ a }}" * 2_000,
        "{% if a %}" + "{% elif a %}" * 1_990 + "{% endif %}",
        "\n" * 99_000,
        ("{{ 1 -}}" + " " * 400) * 240,
        "{# x #}" * 2_000,
        "{{ " + "'a' ~ " * 4_900 + "'' }}",
    ],
    ids=["list", "tags", "elifs", "lines", "spaces", "comments", "joins"],
)
def test_the_largest_templates_are_read_quickly(source: str) -> None:
    assert_small(effort_of(lambda: engine.compile(source)))
