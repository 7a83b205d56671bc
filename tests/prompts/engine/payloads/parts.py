"""Pieces of payloads: large values, and templates that repeat."""

from apps.prompts.engine import JSONValue

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
