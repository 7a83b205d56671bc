"""The words that a template may use, for an editor that completes and colours them."""

from collections.abc import Mapping

from apps.prompts.engine.filters import FILTERS
from apps.prompts.engine.predicates import PREDICATES, PRESENCE

WORDS: Mapping[str, list[str]] = {
    "filters": sorted({*FILTERS, "default"}),
    "tests": sorted({*PREDICATES, *PRESENCE}),
    "statements": ["elif", "else", "endfor", "endif", "for", "if", "include", "set"],
    "keywords": ["and", "else", "false", "if", "in", "is", "loop", "none", "not", "or", "true"],
}
