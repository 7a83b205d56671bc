"""What answering similar questions from the cache risks: `python -m bench.similar`.

Pairs of questions to a shop (`bench/data/similar_questions.tsv`, written for this): `same` ones
mean the same and should share an answer; all others are near misses that must not. For each
threshold the share of both that would be answered from the cache, by likeness alone and with the
words that must be equal (`apps/cache/exact_words.py`). The vectors are those of the embedding model
of the embedded stack. Comparisons are timed with as many questions as a shelf holds.
"""

import csv
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from apps.cache.exact_words import exact_words
from apps.cache.questions import at_most
from apps.cache.types import Question
from apps.cache.vectors import likeness, normed
from llmplatform.embedded.embedding_model import EmbeddingModel

PAIRS = Path(__file__).parent / "data" / "similar_questions.tsv"
THRESHOLDS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99)


class Pair(NamedTuple):
    kind: str
    question: str
    other: str
    likeness: float
    words_equal: bool

    @property
    def should(self) -> bool:
        return self.kind == "same"


def main() -> None:
    pairs = measured()
    same = sum(pair.should for pair in pairs)
    print(f"{len(pairs)} pairs: {same} mean the same, {len(pairs) - same} are near misses\n")
    print("            |  likeness alone  |  and equal words ")
    print("likeness ≥  |  right    wrong  |  right    wrong  ")
    for threshold in THRESHOLDS:
        alone = shares(pairs, threshold)
        guarded = shares([pair for pair in pairs if pair.words_equal], threshold, of=pairs)
        print(f"{threshold:11.2f} | {alone[0]:6.1%}  {alone[1]:6.1%}  ", end="")
        print(f"| {guarded[0]:6.1%}  {guarded[1]:6.1%}")
    tell_what_passes(pairs, 0.9)
    tell_cost()


def measured() -> list[Pair]:
    with PAIRS.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    texts = [row[side] for row in rows for side in ("question", "other")]
    vectors = [normed(found.vector.tolist()) for found in EmbeddingModel().embed(texts)]
    return [
        Pair(
            row["kind"],
            row["question"],
            row["other"],
            likeness(vectors[2 * place], vectors[2 * place + 1]),
            exact_words(row["question"]) == exact_words(row["other"]),
        )
        for place, row in enumerate(rows)
    ]


def shares(
    pairs: list[Pair], threshold: float, of: list[Pair] | None = None
) -> tuple[float, float]:
    """Of those that should, and of those that must not: the share that would be answered."""
    all_of = Counter(pair.should for pair in of or pairs)
    hits = Counter(pair.should for pair in pairs if pair.likeness >= threshold)
    return hits[True] / all_of[True], hits[False] / all_of[False]


def tell_what_passes(pairs: list[Pair], threshold: float) -> None:
    print(f"\nWrong ones that pass both at {threshold}:")
    for pair in sorted(pairs, key=lambda pair: -pair.likeness):
        if not pair.should and pair.words_equal and pair.likeness >= threshold:
            print(f"  {pair.likeness:.3f} {pair.question} / {pair.other}")


def tell_cost() -> None:
    print("\nComparing a question with a full shelf, CPU time, median of 21:")
    for size in (384, 1536, 3072):
        one = normed([1.0 + number % 7 for number in range(size)])
        question, times = Question("shelf", one), []
        for _ in range(21):
            started = time.process_time()
            for _ in range(at_most(question)):
                likeness(one, one)
            times.append((time.process_time() - started) * 1e3)
        print(f"  {at_most(question)} of {size} numbers: {statistics.median(times):.1f} ms")


if __name__ == "__main__":
    main()
