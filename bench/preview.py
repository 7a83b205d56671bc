"""How long the preview beside the editor takes: `python -m bench.preview [--rounds 200]`.

It starts a Postgres and a Valkey of its own and removes them. Three drafts, each posted as the
editor does while somebody types: a short one, one of 3 kB with ten variables, loops and a history,
and one of 30 kB. Each time is the median of the whole request in this process, next to the
cheapest page of the admin (`jsi18n`), which passes the same middleware. Every post differs from
the one before, as texts do while they are typed. Exit code 1: a median of 100 ms or more.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from bench.stack import durable_stack

MOST_MS = 100
WORDS = "kettle garden winter gentle offer order parcel colour answer reason price value"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    with durable_stack(LOG_LEVEL="ERROR"):
        return _measure(rounds)


def _measure(rounds: int) -> int:
    from django.urls import reverse

    from bench.prompt_list import _signed_in
    from tests.playground.conftest import posted

    client = _signed_in()
    page = reverse("admin:jsi18n")
    base = _median(lambda _: client.get(page), rounds)
    sys.stdout.write("| draft | median | p95 | of the cheapest page |\n|---|---|---|---|\n")
    sys.stdout.write(f"| (the cheapest page) | {base[0]:.1f} ms | {base[1]:.1f} ms | 1 |\n")
    slow = False
    for name, draft in _drafts():
        url, form = reverse("admin:draft_preview", args=[draft.pk]), posted(draft)

        def ask(turn: int, url: str = url, form: dict[str, str] = form) -> Any:
            typed = form["messages-0-content"] + f" {turn}"
            return client.post(url, form | {"messages-0-content": typed})

        median, p95 = _median(ask, rounds)
        sys.stdout.write(f"| {name} | {median:.1f} ms | {p95:.1f} ms | {median / base[0]:.1f} |\n")
        slow |= median >= MOST_MS
    return int(slow)


def _median(ask: Callable[[int], Any], rounds: int) -> tuple[float, float]:
    """Median and 95th percentile, milliseconds; the first five warm up."""
    times = []
    for turn in range(rounds + 5):
        begun = time.perf_counter()
        answer = ask(turn)
        times.append((time.perf_counter() - begun) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{answer.status_code}: {answer.content[:200]!r}")
    return statistics.median(times[5:]), statistics.quantiles(times[5:], n=20)[-1]


def _drafts() -> list[tuple[str, Any]]:
    from apps.prompts.models import Prompt, PromptVersion
    from tests.factories import make_model, make_priced_deployment

    make_priced_deployment(model=make_model("small"), slug="small-here")
    drafts = []
    for name, messages, variables in _texts():
        prompt = Prompt.objects.create(slug=name.split()[0], name=name)
        draft = PromptVersion.objects.create(
            prompt=prompt, number=1, messages=messages, variables=variables, model="small"
        )
        drafts.append((name, draft))
    return drafts


def _texts() -> list[tuple[str, list[dict[str, str]], dict[str, Any]]]:
    names = [f"fact_{n}" for n in range(10)]
    lines = "\n".join(
        f"{{% if {name} %}}- {{{{ {name}|upper }}}}: {WORDS}{{% endif %}}" for name in names
    )
    row = "{{ loop.index }}. {{ item.name }} costs {{ item.price }}\n"
    loop = f"{{% for item in items %}}{row}{{% endfor %}}"
    text = {"type": "string", "sample": "blue steel"}
    items = {"type": "list", "sample": [{"name": f"Kettle {n}", "price": n} for n in range(20)]}
    history = {"type": "messages", "sample": [{"role": "user", "content": "Hello"}]}
    some = dict.fromkeys(names, text) | {"items": items, "history": history}
    long = [
        {"role": "system", "content": f"Write for a shop. {WORDS}\n" * 8 + lines},
        {"placeholder": "history"},
        {"role": "user", "content": loop + WORDS},
    ]
    huge = [{"role": "system", "content": f"{WORDS}\n" * 330 + lines}, *long[1:]]
    short = [{"role": "user", "content": "Describe {{ fact_0 }}."}]
    return [
        ("short draft, one message", short, {"fact_0": text}),
        ("medium draft, 3 kB, 12 variables, loop, history", long, some),
        ("long draft, 30 kB", huge, some),
    ]


if __name__ == "__main__":
    sys.exit(main())
