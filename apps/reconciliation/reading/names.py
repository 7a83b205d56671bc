"""What the words of a provider's items mean: our model, and the meter."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apps.reconciliation.types import METERS, NOT_USAGE, UNMATCHED, meter_of

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_OUT = {"output", "out", "outp", "outpt", "opt", "completion", "completions"}
_IN = {"input", "in", "inp", "inpt", "prompt"}
_CACHED = {"cached", "cache", "cd", "cchd"}
_WRITTEN = {"write", "writes", "wr"}
_AUDIO, _IMAGE = {"audio", "aud"}, {"image", "images", "img"}
# what Azure's meters say besides the model: where it runs, and in which units it is counted
_NOISE = {
    *("tokens", "token", "1k", "1m", "gl", "glbl", "global", "dz", "dzone", "regnl", "regional"),
    *("std", "standard", "shortco", "uncached"),
}


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of a provider, with the names that it has there. `is_embedding`: it has no output."""

    slug: str
    names: tuple[str, ...]
    is_embedding: bool


class Names:
    def __init__(
        self, models: Iterable[KnownModel], given: Mapping[str, tuple[str, str]] | None = None
    ) -> None:
        """`given`: item → model and meter, as people named them: they go before everything."""
        self._given = dict(given or {})
        self._models: dict[str, KnownModel | None] = {}
        for model in models:
            for name in {_plain(name) for name in (model.slug, *model.names)}:
                known = self._models.get(name, model)
                # a name of two models tells nothing
                self._models[name] = model if known is not None and known == model else None

    def meaning(self, item: str, category: str) -> tuple[str, str]:
        """Model and meter. ("…", "unmatched") with their words when nobody knows."""
        if item in self._given:
            return self._given[item]
        if category in NOT_USAGE:
            return self._model_in(item), category
        model, words = self._split(item)
        if model is None:
            return item, UNMATCHED
        meter = _meter(words)
        if meter == "" and model.is_embedding:
            meter = "in_uncached"
        return (item, UNMATCHED) if meter is None else (model.slug, meter)

    def _split(self, item: str) -> tuple[KnownModel | None, list[str]]:
        """“priority | gpt-5, cached input, long context”, or “GPT 5 Mini cchd Inpt 1M Tokens”"""
        name, _, rest = item.rpartition("|")[2].strip().partition(",")
        if rest or self._known(name):
            return self._known(name), re.findall(r"[a-z_0-9]+", rest.lower())
        parts = re.split(r"[\s-]+", item.strip())
        is_name = [part.lower() not in _IN | _OUT | _CACHED | _WRITTEN | _NOISE for part in parts]
        name = " ".join(part for part, kept in zip(parts, is_name, strict=True) if kept)
        words = [part.lower() for part, kept in zip(parts, is_name, strict=True) if not kept]
        return self._known(name) or self._known(f"gpt {name}"), words

    def _model_in(self, item: str) -> str:
        known = self._known(item.partition(",")[0])
        return known.slug if known else ""

    def _known(self, name: str) -> KnownModel | None:
        name = name.strip()
        return self._models.get(_plain(name)) or self._models.get(_plain(_DATED.sub("", name)))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9.]", "", name.lower())


def _meter(words: list[str]) -> str | None:
    """None: they say something that we have no word for; "": they say nothing."""
    if len(words) == 1 and meter_of(words[0]) in METERS:
        return meter_of(words[0])
    said = set(words)
    if said & _CACHED and said & _WRITTEN:
        return "in_cache_write"
    if said & _CACHED:
        return "in_cache_read"
    if bool(said & _OUT) != bool(said & _IN):
        side = "out" if said & _OUT else "in"
        if said & _AUDIO:
            return f"{side}_audio"
        if said & _IMAGE:
            return f"{side}_image"
        return "out_text" if side == "out" else "in_uncached"
    if "search" in said or "searches" in said:
        return "web_search"
    if said & {"requests", "request"}:
        return "requests"
    return None if said - _NOISE else ""
