"""Generated templates of constructs that need not fit each other or the values, and soup."""

from typing import Any

from hypothesis import strategies as st

from tests.prompts.engine.grammar import LITERALS, NAMES, OWN, form

_FILTERS = (
    "abs", "capitalize", "dictsort", "first", "float", "indent", "int", "items", "join", "last",
    "length", "list", "lower", "max", "min", "reverse", "round", "sort", "string", "sum", "title",
    "tojson", "tojson(2)", "trim", "truncate(3)", "unique", "upper", "wordcount", "default(1)",
    "default('', true)", "map(attribute='x')", "select", "reject('none')", "selectattr('x')",
    "rejectattr('a', 'defined')", "sort(attribute='a')", "replace('a', 'aaaa')",
)  # fmt: skip
_METHODS = ("upper", "strip", "split", "items", "keys", "values")
_SIGNS = (
    "+", "-", "*", "/", "//", "%", "~", "~", "==", "!=", "<", "in", "and", "or", "if 1 else", ",",
)  # fmt: skip
_TESTS = ("defined", "none", "even", "mapping", "upper", "string")
_PIECES = (
    "{{", "}}", "{%", "%}", "{#", "#}", "-", "raw", "endraw", "for", "in", "if", "elif", "else",
    "endfor", "endif", "set", "=", "a", "b", "loop", ".", "|", "upper", "(", ")", "[", "]", "{",
    "}", ":", ",", "'", '"', "\\", "1", "1.5e3", "~", "*", "**", "is", "not", "recursive", "macro",
    "\n", " ", "é", "\x00", "\ud800", "$", "!", "import", "range", "_", "__class__", "\\ud800",
    "0x", "1_",
)  # fmt: skip

_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(-1e9, 1e9),
    st.text(st.sampled_from("ab é\n{}%#'\"\\-日"), max_size=6),
)
_json = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abxy"), inner, max_size=4)
    ),
    max_leaves=12,
)
VALUES = st.fixed_dictionaries(dict.fromkeys((*NAMES, *OWN), _json))

_atoms = st.one_of(
    st.sampled_from((*NAMES, *OWN, "[]", "{}", "none", "range(9)", "missing")),
    st.integers(0, 2**80).map(str),
    LITERALS,
)
_expressions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        form("({l} {o} {r})", l=inner, o=st.sampled_from(_SIGNS), r=inner),
        form("({v})|{f}", v=inner, f=st.sampled_from(_FILTERS)),
        form("({v}).{m}()", v=inner, m=st.sampled_from(_METHODS)),
        form("({v}).{m}", v=inner, m=st.sampled_from(("a", "x", "size", "0"))),
        form("({v})[{k}]", v=inner, k=inner),
        form("({v})[{k}:{k}:{k}]", v=inner, k=inner),
        form("[{v}, {v}]", v=inner),
        form("{{'a': {v}, 'b': {v}}}", v=inner),
        form("({v} is {t})", v=inner, t=st.sampled_from(_TESTS)),
    ),
    max_leaves=6,
)


@st.composite
def templates(draw: Any, depth: int = 3) -> str:
    """Statements around expressions; a `set` may be repeated, so that sizes double."""
    parts: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        choice = draw(st.sampled_from(("output", "set", "if", "for"))) if depth else "output"
        inner = draw(templates(depth - 1)) if choice in ("if", "for") else ""
        name, value = draw(st.sampled_from(OWN)), draw(_expressions)
        times = draw(st.sampled_from((1, 1, 30)))
        parts.append(
            {
                "output": f"{{{{ {value} }}}}",
                "set": f"{{% set {name} = {value} %}}" * times,
                "if": f"{{% if {value} %}}{inner}{{% endif %}}",
                "for": f"{{% for {name} in {value} %}}{inner}{{% endfor %}}",
            }[choice]
        )
    return "".join(parts)


soup = st.one_of(
    st.lists(st.sampled_from(_PIECES), max_size=40).map(" ".join),
    st.lists(st.sampled_from(_PIECES), max_size=40).map("".join),
)
