"""Compare the bounded template engine with Jinja's own sandbox: `python -m bench.template_engine`.

Prints microseconds per rendering (the best of several rounds, both in the same process) and
their ratio, then what checking and compiling cost once per version.
"""

import timeit
from collections.abc import Callable

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from apps.prompts import engine

SIMPLE = """You help the customers of {{ shop }}.
Answer {{ name|title }} in {{ language }}: {{ question }}
"""
LOOP = """Write a text for each of {{ products|length }} products:
{% for product in products %}
{{ loop.index }}. {{ product.name|upper }} costs {{ product.price|round(2) }}
{%- if product.tags %} ({{ product.tags|join(", ") }}){% endif %}
{%- if not loop.last %};{% endif %}
{% endfor %}
"""
CUSTOMER: dict[str, engine.JSONValue] = {
    "shop": "the shop",
    "name": "ada",
    "language": "English",
    "question": "Where is my parcel? " * 10,
}
CATALOGUE: dict[str, engine.JSONValue] = {
    "products": [
        {"name": f"Lamp {number}", "price": number * 1.337, "tags": ["new", "red", "oak"]}
        for number in range(20)
    ],
}


def best(work: Callable[[], object]) -> float:
    """Microseconds of one call, the best of five rounds."""
    count = timeit.Timer(work).autorange()[0]
    return min(timeit.repeat(work, number=count, repeat=5)) / count * 1e6


def compare(title: str, source: str, values: dict[str, engine.JSONValue]) -> None:
    """Print one line for rendering and one for getting ready."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, cache_size=0
    )
    stock, bounded = environment.from_string(source), engine.compile(source)
    if stock.render(values) != bounded.render(values):
        raise SystemExit(f"{title}: the engines disagree")
    report(
        f"{title}, render", best(lambda: stock.render(values)), best(lambda: bounded.render(values))
    )
    report(
        f"{title}, compile",
        best(lambda: environment.from_string(source)),
        best(lambda: engine.compile(source)),
    )


def report(title: str, stock: float, bounded: float) -> None:
    """Print both and how many times as long the bounded engine takes."""
    print(f"{title:24} stock {stock:9.1f} us   bounded {bounded:9.1f} us   x {bounded / stock:.2f}")


if __name__ == "__main__":
    compare("simple", SIMPLE, CUSTOMER)
    compare("loop of 20 rows", LOOP, CATALOGUE)
