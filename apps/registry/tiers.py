"""Service tiers: a provider's words for the speed or certainty that an answer is billed for."""

import re

DEFAULT_TIER = "default"
LONGEST = 40
# What providers call the tier that everybody gets who asks for none.
_STANDARD = {"", "default", "standard", "standard_only", "on_demand"}
_FOREIGN = re.compile(r"[^a-z0-9_.-]")  # never part of a name that prices have
_WORD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")


def tier_of(word: str) -> str:
    """The tier that a provider, or a request to it, means by `word`; "" means the standard one.

    “auto” is left as it is: it says that somebody else decides, not what is billed.
    """
    name = word.strip().lower()
    return DEFAULT_TIER if name in _STANDARD else _FOREIGN.sub("?", name[:LONGEST])


def tier_fault(word: str) -> str:
    """Why prices cannot be set for a tier of this name, "" when they can."""
    if not _WORD.fullmatch(word):
        return "A tier is one word of small letters and digits, e.g. flex, as the answers name it."
    if tier_of(word) != word:
        return f"“{word}” is the standard tier; its prices are those of “{DEFAULT_TIER}”."
    return ""
