"""Fifty thousand random templates, and all payloads of the tests: `python -m bench.template_fuzz`.

Each is saved (`problems`), inspected (`check`) and, where it may be, rendered; none of the three
may take more than 250 ms of CPU, or 64 MB of memory. Half are made of what is allowed, half are
mutated payloads: pieces cut out, doubled, swapped, or put into another. `--seed` repeats a run.
Ends with 1 if one is over a bar or ends in anything but a text or the engine's own error.
"""

import argparse
import gc
import random
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator

from apps.prompts import engine
from apps.prompts.engine import JSONValue
from tests.prompts.engine.payloads import FINE, REFUSED, STOPPED, UNREADABLE

MOST_SECONDS, MOST_MEGABYTES = 0.25, 64.0
Values = dict[str, JSONValue]

ATOMS = (
    "a", "b", "c", "a.x", "b[0]", "c['k']", "1", "0", "-3", "2.5", "7", "'ab'", '"é"', "'日本'",
    "true", "none", "[]", "{}", "range(9)", "range(999)",
)  # fmt: skip
SIGNS = ("+", "-", "*", "/", "//", "%", "~", "~", "==", "!=", "<", "<=", "in", "and", "or")
FILTERS = (
    "abs", "capitalize", "dictsort", "first", "float", "indent", "int", "items", "join", "last",
    "length", "list", "lower", "max", "min", "reverse", "round", "sort", "string", "sum", "title",
    "tojson", "tojson(2)", "trim", "truncate(3)", "unique", "upper", "wordcount", "default(1)",
    "map(attribute='x')", "select", "reject('none')", "selectattr('x')", "sort(attribute='x')",
    "replace('a','aaaa')", "join('ab')", "indent(40,true)",
)  # fmt: skip
TESTS = ("defined", "none", "even", "mapping", "upper", "string")
WORDS: JSONValue = {"x": "a b " * 5_000, "k": list(range(5_000))}
VALUES: list[Values] = [
    {"a": "text", "b": [1, 2, 3], "c": {"k": 1, "x": [2]}},
    {"a": "a" * 200_000, "b": list(range(20_000)), "c": {f"k{n}": n for n in range(9_000)}},
    {"a": [{"x": n, "k": "日" * 40} for n in range(3_000)], "b": ["z" * 200] * 900, "c": WORDS},
]


def expression(rng: random.Random, depth: int) -> str:
    """An expression of constructs that are allowed; they need not fit each other."""
    if depth == 0:
        return rng.choice(ATOMS)
    inner = expression(rng, depth - 1)
    other = expression(rng, rng.randrange(depth))
    return rng.choice((
        f"({inner} {rng.choice(SIGNS)} {other})", f"({inner})|{rng.choice(FILTERS)}",
        f"[{inner}, {other}]", f"{{'k': {inner}, 'x': {other}}}", f"({inner})[{other}]",
        f"({inner})[{other}:]", f"({inner} if {other} else {inner})",
        f"({inner} is {rng.choice(TESTS)})", f"({inner}).split({rng.choice(ATOMS)})",
        f"({inner}).items()", inner,
    ))  # fmt: skip


def allowed(rng: random.Random, depth: int = 3) -> str:
    """Statements around expressions; some are repeated, so that sizes double."""
    parts = []
    for _ in range(rng.randint(1, 3)):
        value, name = expression(rng, rng.randrange(4)), rng.choice("abc")
        inner = allowed(rng, depth - 1) if depth else "x"
        times = rng.choices((1, 30, 300), (30, 5, 1))[0]
        parts.append(rng.choice((
            f"{{{{ {value} }}}}" * times, f"{{% set {name} = {value} %}}" * times,
            f"{{% if {value} %}}{inner}{{% endif %}}",
            f"{{% for {name} in {value} %}}{inner}{{% endfor %}}",
            f"{{% for {name} in range(999) %}}{inner}{{% endfor %}}",
        )))  # fmt: skip
    return "".join(parts)


CORPUS = [
    *REFUSED.values(), *UNREADABLE.values(),
    *(source for source, _ in STOPPED.values()), *(source for source, *_ in FINE.values()),
]  # fmt: skip


def mutated(rng: random.Random) -> str:
    """A payload or an allowed template with one to five pieces cut, doubled, swapped or grafted."""
    source = rng.choice(CORPUS) if rng.random() < 0.7 else allowed(rng)
    for _ in range(rng.randint(1, 5)):
        start, end = sorted(rng.randrange(len(source) + 1) for _ in range(2))
        end = min(end, start + rng.choice((1, 5, 50, 5_000)))
        piece, graft = source[start:end], rng.choice(CORPUS)[: rng.choice((3, 30, 300))]
        instead = rng.choice((
            "", piece * 2, piece * rng.choice((10, 1_000)), piece[::-1], graft, graft + piece,
            rng.choice(("{{", "}}", "{%", "%}", "{#", "|", ".", "'", "__", "**", "é", "\0")),
        ))  # fmt: skip
        source = source[:start] + instead[:150_000] + source[end:]
    return source


def templates(rng: random.Random, count: int) -> Iterator[tuple[str, Values]]:
    """All payloads with their values, then so many random templates."""
    yield from ((source, {}) for source in (*REFUSED.values(), *UNREADABLE.values()))
    yield from STOPPED.values()
    yield from ((source, values) for source, values, _ in FINE.values())
    for number in range(count):
        yield (mutated(rng) if number % 2 else allowed(rng)), rng.choices(VALUES, (18, 1, 1))[0]


class Worst:
    """The longest and largest of each step, and how the templates ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, tuple[float, str]] = {}
        self.megabytes: dict[str, tuple[float, str]] = {}
        self.ends: Counter[str] = Counter()

    def run(self, step: str, source: str, work: Callable[[], object]) -> bool:
        """Do one step of one template; whether it ended without an error of the engine."""
        before, started = peak_megabytes(), time.process_time()
        try:
            work()
            end = ""
        except engine.TemplateError as error:
            end = f"{type(error).__name__}.{error.code}"
        seconds, grown = time.process_time() - started, peak_megabytes() - before
        self.seconds[step] = max(self.seconds.get(step, (0.0, "")), (seconds, source[:200]))
        self.megabytes[step] = max(self.megabytes.get(step, (0.0, "")), (grown, source[:200]))
        if end or step == "render":
            self.ends[end or "text"] += 1
        return not end

    def over(self) -> bool:
        """Whether any step of any template is over a bar."""
        return max(self.seconds.values())[0] > MOST_SECONDS or (
            max(self.megabytes.values())[0] > MOST_MEGABYTES
        )


def peak_megabytes() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def attempt(worst: Worst, source: str, values: Values) -> None:
    """Save, inspect and render one template, by fuel alone: the clock stands still."""
    worst.run("save", source, lambda: engine.problems(source))
    if worst.run("inspect", source, lambda: engine.check(source)):
        template = engine.compile(source)
        worst.run("render", source, lambda: template.render(values, clock=lambda: 0.0))


def main() -> int:
    """Run and print; 1 if a bar was missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # invalid escapes are what some of them are about
    gc.freeze()  # the payloads' own values are no work of the engine
    worst, started = Worst(), time.monotonic()
    for source, values in templates(random.Random(options.seed), options.count):
        attempt(worst, source, values)
    print(f"{sum(worst.ends.values()):,} templates in {time.monotonic() - started:.0f} s")
    for step, (seconds, source) in worst.seconds.items():
        grown = worst.megabytes[step][0]
        print(f"{step:8} at most {seconds * 1000:4.0f} ms, {grown:.1f} MB more   {source[:90]!r}")
    print("ends: " + ", ".join(f"{end} {n:,}" for end, n in worst.ends.most_common()))
    return int(worst.over())


if __name__ == "__main__":
    sys.exit(main())
