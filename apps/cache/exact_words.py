"""What two questions must have in common to the letter before their likeness counts.

An embedding hardly tells “with” from “without”, 38 from 39 or France from Italy
(docs/cache.md, “Similar questions”, has the figures). So these words become part of the key, and
only what is left may differ. Too strict costs a call, too lax a wrong answer.
"""

import re
import unicodedata
from collections.abc import Iterator

# Negations, words that turn a question round, and number words. English and German, the languages
# that were thought through: docs/cache.md says so.
_EXACT = """
no not none never nothing nobody nor neither without except excluding unless hardly
before after since until during off out over under above below down more less most least fewer only
all every each both half double first last next previous earlier later always sometimes today
tomorrow yesterday now already
zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty
hundred thousand million dozen

nicht nein kein keine keinen keinem keiner keines nie niemals nichts niemand weder ohne außer ausser
vor nach seit bis während über unter mehr weniger nur alle jeder beide halb doppelt erste letzte
nächste vorige immer manchmal heute morgen gestern jetzt schon
null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig hundert tausend
dutzend
"""
_WORDS = frozenset(map(str.casefold, _EXACT.split()))
_EDGES = ".,;:!?()[]{}<>\"'’“”„‘…"
_SENTENCE_ENDS = (".", "!", "?", ":")
_NOT = re.compile(r"(?:n't|(?<=can)not)$|^non-?(?=[a-z]{4})")
_NOT_IN_HASTE = re.compile(  # and without its apostrophe
    r"^(?:ai|are|ca|could|did|does|do|had|has|have|is|must|need|should|was|were|wo|would)nt$"
)
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ‛`´′", "'"))


def exact_words(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Numbers, codes and signs in their order; negations, small words that turn a question round,
    and names (capitals inside a sentence), sorted."""
    signs, words = [], []
    begins = True
    for raw in unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).split():
        word = raw.strip(_EDGES)
        if _has_sign(word):
            signs.append(word.casefold())
        elif not word.islower() and not begins and word not in {"I", "I'm", "I've"}:
            words.append(word.casefold())
        else:
            words += _turning(word.casefold())
        begins = raw.endswith(_SENTENCE_ENDS)
    return tuple(signs), tuple(sorted(words))


def _turning(word: str) -> Iterator[str]:
    """“can't” and “non-toxic” say “not” too."""
    bare = _NOT.sub("", word)
    if bare != word or _NOT_IN_HASTE.match(word):
        yield "not"
    if bare in _WORDS:
        yield bare


def _has_sign(word: str) -> bool:
    """A digit, or a sign of a currency, of mathematics, of a code: part of what is named. And what
    only looks like a word: with signs that nobody sees, or letters of two scripts."""
    return any(
        character in "%#@&/_+*§°"
        or character.isnumeric()
        or unicodedata.category(character) in {"Sc", "Sm", "Nd", "Nl", "No", "Cf", "Mn"}
        for character in word
    ) or _is_mixed(word)


def _is_mixed(word: str) -> bool:
    if word.isascii():
        return False
    latin = {unicodedata.name(c, "").startswith("LATIN") for c in word if c.isalpha()}
    return len(latin) == 2
