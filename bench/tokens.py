"""What counting tokens costs: `python -m bench.tokens`.

For each tokenizer that travels with us: seconds to load it, memory that it keeps, and how fast it
counts prose, a text without a space (the worst case) and a short message.
"""

import gc
import time
from pathlib import Path

import psutil

from apps.registry import tokens
from apps.registry.types import ModelFacts

PROSE = "".join(path.read_text() for path in sorted(Path("docs").glob("*.md")))
TEXTS = {
    "600 kB of prose": (PROSE * (600_000 // len(PROSE) + 1))[:600_000],
    "100 kB of one letter": "a" * 100_000,
    "a message of 200 bytes": PROSE[:200],
}


def main() -> None:
    for name in ("o200k_base", "cl100k_base"):
        before, started = memory(), time.perf_counter()
        counter = tokens.counter_of(
            ModelFacts("m", "chat", 1, 1, False, False, False, True, tokenizer=name)
        )
        print(f"{name}: loaded in {time.perf_counter() - started:.2f} s, ", end="")
        print(f"keeps {memory() - before:.0f} MB")
        for what, text in TEXTS.items():
            print(f"  {what}: {best(counter, text) * 1e3:.3f} ms, {counter.count(text)} tokens")


def best(counter: tokens.Counter, text: str) -> float:
    """Seconds, the best of five."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        counter.count(text)
        times.append(time.perf_counter() - started)
    return min(times)


def memory() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


if __name__ == "__main__":
    main()
