"""Generated templates that use typed values as they are meant, so that Jinja renders them too."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

NAMES = ("n", "s", "flag", "numbers", "words", "rows", "thing")
OWN = ("a", "b", "c")  # names that templates set: always numbers

TYPED_VALUES = st.fixed_dictionaries(
    {
        "n": st.integers(-9, 99),
        "s": st.text(st.sampled_from("abC dé{}\n.%"), max_size=12),
        "flag": st.booleans(),
        "numbers": st.lists(st.integers(-5, 5), max_size=5),
        "words": st.lists(st.text(st.sampled_from("abAB é"), max_size=4), max_size=5),
        "rows": st.lists(
            st.fixed_dictionaries(
                {"name": st.text(st.sampled_from("xyZ"), max_size=3), "price": st.integers(0, 9)}
            ),
            max_size=4,
        ),
        "thing": st.fixed_dictionaries(
            {"size": st.integers(0, 9), "label": st.text("pq", max_size=3)}
        ),
    }
)


def form(pattern: str, **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.fixed_dictionaries(parts).map(lambda chosen: pattern.format(**chosen))


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


LITERALS = st.text(st.sampled_from("ab C,é"), max_size=4).map(_literal)


@cache
def _numbers(depth: int) -> st.SearchStrategy[str]:
    flat = st.integers(0, 12).map(str) | st.sampled_from(("n", "thing.size", "thing['size']"))
    if depth == 0:
        return flat
    number, text, items = _numbers(depth - 1), _texts(depth - 1), _lists(depth - 1)
    return st.one_of(
        flat,
        form("({l} {o} {r})", l=number, o=st.sampled_from(("+", "-", "*", "//", "%")), r=number),
        form("(-({v}))", v=number),
        form("({v})|abs", v=number),
        form("({y} if {t} else {z})", y=number, t=_conditions(depth - 1), z=number),
        form("{v}|length", v=items | text),
        form("{v}|sum", v=items),
        form("{v}|wordcount", v=text),
        form("(missing|default({v}))", v=number),
        form("rows|sum(attribute='price')"),
    )


@cache
def _texts(depth: int) -> st.SearchStrategy[str]:
    flat = LITERALS | st.sampled_from(("s", "thing.label"))
    if depth == 0:
        return flat
    text, number = _texts(depth - 1), _numbers(depth - 1)
    plain = st.sampled_from(("upper", "lower", "capitalize", "title", "trim", "reverse", "string"))
    return st.one_of(
        flat,
        form("({l} ~ {r})", l=text | number, r=text),
        form("({l} + {r})", l=text, r=text),
        form("({v})|{f}", v=text, f=plain),
        form("({v}).{m}()", v=text, m=st.sampled_from(("upper", "lower", "strip", "title"))),
        form("({v})|replace({a}, {b})", v=text, a=LITERALS, b=LITERALS),
        form("({v})|truncate({n}, {k}, '.', 0)", v=text, n=st.integers(1, 9).map(str), k=_BOOLEANS),
        form(
            "({v})|indent({n}, {f}, {b})",
            v=text,
            n=st.integers(0, 5).map(str),
            f=_BOOLEANS,
            b=_BOOLEANS,
        ),
        form(
            "({v})[{a}:{b}:{c}]", v=text, a=_BOUNDS, b=_BOUNDS, c=st.sampled_from(("", "2", "-1"))
        ),
        form("({v})|join({d})", v=_lists(depth - 1), d=LITERALS),
        form("words|{f}|join('/')", f=st.sampled_from(("sort", "unique", "list", "reverse|list"))),
        form("rows|map(attribute='name')|join"),
        form(
            "rows|selectattr('price', {t}, {n})|map(attribute='name')|join(',')", t=_TESTS, n=number
        ),
        form("rows|sort(attribute='price', reverse={r})|map(attribute='name')|join", r=_BOOLEANS),
        form("({v})|list|first|default({d})", v=text, d=text),
    )


@cache
def _lists(depth: int) -> st.SearchStrategy[str]:
    flat = st.sampled_from(("numbers", "range(3)|list", "range(4, 0, -1)|list", "[]"))
    if depth == 0:
        return flat
    return st.one_of(
        flat,
        form("[{a}, {b}]", a=_numbers(depth - 1), b=_numbers(depth - 1)),
        form(
            "({v})|{f}|list", v=_lists(depth - 1), f=st.sampled_from(("sort", "unique", "reverse"))
        ),
        form("({v})[{a}:{b}]", v=_lists(depth - 1), a=_BOUNDS, b=_BOUNDS),
        form("({l} + {r})", l=_lists(depth - 1), r=_lists(depth - 1)),
        form("({v})|select({t}, {n})|list", v=_lists(depth - 1), t=_TESTS, n=_numbers(0)),
    )


@cache
def _conditions(depth: int) -> st.SearchStrategy[str]:
    flat = st.sampled_from(("flag", "true", "missing is defined", "s is string", "n is even"))
    if depth == 0:
        return flat
    number, inner = _numbers(depth - 1), _conditions(depth - 1)
    return st.one_of(
        flat,
        form("({l} {o} {r})", l=number, o=_ORDERS, r=number),
        form("({l} {o} {m} {p} {r})", l=number, o=_ORDERS, m=number, p=_ORDERS, r=number),
        form("({l} {o} {r})", l=_texts(depth - 1), o=_ORDERS, r=_texts(depth - 1)),
        form("({l} == {r})", l=_lists(depth - 1), r=_lists(depth - 1)),
        form("({l} {o} {r})", l=inner, o=st.sampled_from(("and", "or")), r=inner),
        form("(not {v})", v=inner),
        form("({v} {o} {l})", v=number, o=st.sampled_from(("in", "not in")), l=_lists(depth - 1)),
        form("({v} in {t})", v=LITERALS, t=_texts(depth - 1)),
        form("({v}) is divisibleby 3", v=number),
    )


_BOOLEANS = st.sampled_from(("true", "false"))
_BOUNDS = st.sampled_from(("", "0", "1", "-2", "9"))
_TESTS = st.sampled_from(("'eq'", "'ne'", "'lt'", "'ge'"))
_ORDERS = st.sampled_from(("<", ">", "<=", ">=", "==", "!="))
_DASHES = st.sampled_from(("", "", "-"))


@cache
def _output(known: tuple[str, ...]) -> st.SearchStrategy[str]:
    kinds = [_numbers(2), _texts(2), _conditions(2)]
    if known:
        kinds.append(st.sampled_from(known))
    return form("{{{{{l} {v} {r}}}}}", l=_DASHES, v=st.one_of(kinds), r=_DASHES)


@st.composite
def typed(draw: Any, known: tuple[str, ...] = (), depth: int = 2) -> str:
    """A template that uses the typed values as they are meant, and only names that are there."""
    parts: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        choice = (
            draw(st.sampled_from(("text", "output", "set", "if", "for"))) if depth else "output"
        )
        if choice == "text":
            parts.append(draw(st.text(st.sampled_from("ab é\n.,"), max_size=8)))
        elif choice == "output":
            parts.append(draw(_output(known)))
        elif choice == "set":
            name = draw(st.sampled_from(OWN))
            parts.append(f"{{% set {name} = {draw(_numbers(1))} %}}")
            known = (*known, name)
        elif choice == "if":
            test, yes = draw(_conditions(2)), draw(typed(known, depth - 1))
            other, no = draw(_conditions(1)), draw(typed(known, depth - 1))
            parts.append(
                f"{{% if {test} %}}{yes}{{% elif {other} -%}}{no}{{% else %}}{no}{{% endif %}}"
            )
        else:
            name = draw(st.sampled_from(OWN))
            inner = (*known, name, "loop.index", "loop.first", "loop.revindex0", "loop.length")
            body, other = draw(typed(inner, depth - 1)), draw(typed(known, depth - 1))
            keep = draw(st.sampled_from(("", f" if {name} > 0", f" if {name} is odd")))
            start = f"{{% for {name} in {draw(_lists(1))}{keep} %}}"
            parts.append(f"{start}{body}{{% else %}}{other}{{% endfor %}}")
    return "".join(parts)
