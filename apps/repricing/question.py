"""What-if questions from the parameters of an address, and back: everything that the page shows
stands there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict

from apps.finance.parsing import parse
from apps.ledger.reports import Days
from apps.registry.models import Deployment, Price, PriceProposal
from apps.registry.types import PriceRow
from apps.repricing.typed import FIELDS, from_fields, read_typed
from apps.repricing.types import Rate

MOST = 100  # prices of one question
_DAYS = ("range", "from", "to")
_KNOWN = (*_DAYS, *FIELDS, "proposal", "row", "price")
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """A price, and the parameter that says it: the key of a proposal, that of a row of the price
    list, or a price as `typed` says."""

    parameter: str
    value: str
    rate: Rate


@dataclass(frozen=True)
class Question:
    """`asked`: each price with a number of its own below 0. `faults`: what is wrong, and the way
    out."""

    days: Days
    range: str
    asked: list[Asked] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def rates(self) -> list[Rate]:
        return [one.rate for one in self.asked]

    @property
    def address(self) -> str:
        days = [("from", str(self.days.first)), ("to", str(self.days.last))]
        said = [("range", self.range)] if self.range else days
        return urlencode([*said, *((one.parameter, one.value) for one in self.asked)])

    def without(self, left_out: Asked) -> "Question":
        return replace(self, asked=[one for one in self.asked if one is not left_out])


def read_question(
    parameters: QueryDict, *, now: datetime, zone: str, may_see_proposals: bool
) -> Question:
    """Without days: last month. What is wrong is told; what remains can be answered."""
    question = _of_days(parameters, now, zone)
    for name in parameters:
        if name not in _KNOWN:
            question.faults.append(f"Unknown parameter: “{name[:_SHOWN]}”.")
    asked = _listed(question, Price.objects.all(), "row", parameters.getlist("row"))
    if may_see_proposals:
        keys = parameters.getlist("proposal")
        asked += _listed(question, PriceProposal.objects.all(), "proposal", keys)
    elif "proposal" in parameters:
        question.faults.append("You may not see price proposals.")
    asked += _typed(question, [*parameters.getlist("price"), *from_fields(parameters)])
    question.asked.extend(_numbered(question, asked))
    return question


def _of_days(parameters: QueryDict, now: datetime, zone: str) -> Question:
    days = QueryDict(mutable=True)
    for name in _DAYS:
        days.setlist(name, [text for text in parameters.getlist(name) if text])
    if not any(days.values()):
        days["range"] = "last-month"
    parsed = parse(days, now=now, zone=zone)
    faults = [text for texts in parsed.faults.values() for text in texts]
    return Question(parsed.query.days, parsed.query.range, faults=faults)


def _listed(
    question: Question, rows: QuerySet[Any], parameter: str, texts: Sequence[str]
) -> list[Asked]:
    """Those of the rows that are named."""
    keys = {text: int(text) for text in texts if _is_key(text)}
    found = list(rows.filter(pk__in=keys.values()).select_related("deployment").order_by("pk"))
    known = {row.pk for row in found}
    wrong = [text for text in texts if keys.get(text) not in known]
    question.faults.extend(f"There is no {parameter} “{text[:_SHOWN]}”." for text in wrong)
    return [Asked(parameter, str(row.pk), _rate(row)) for row in found]


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 16


def _rate(row: Price | PriceProposal) -> Rate:
    priced = PriceRow(
        price_id=0,
        usage_class=row.usage_class,
        price_pico=row.proposed_pico if isinstance(row, PriceProposal) else row.price_pico,
        per_block=row.per_block,
        valid_from=None,
        valid_to=None,
        service_tier=row.service_tier,
        min_input_tokens=row.min_input_tokens,
    )
    return Rate(row.deployment.slug, priced, row.source)


def _typed(question: Question, texts: Iterable[str]) -> list[Asked]:
    given, asked = list(dict.fromkeys(texts)), []
    known = set(Deployment.objects.values_list("slug", flat=True)) if given else set()
    for text in given:
        try:
            asked.append(Asked("price", text, read_typed(text, deployments=known)))
        except ValidationError as error:
            question.faults.extend(f"“{text[:_SHOWN]}”: {fault}" for fault in error.messages)
    return asked


def _numbered(question: Question, asked: Iterable[Asked]) -> list[Asked]:
    """Of two prices for the same thing the first counts."""
    kept: dict[tuple[str, str, str, int], Asked] = {}
    for one in asked:
        row = one.rate.row
        kind = (one.rate.deployment, row.usage_class, row.service_tier, row.min_input_tokens)
        if kind in kept:
            text = f"{one.rate.deployment}, {row.usage_class}: two prices are given. Keep one."
            question.faults.append(text)
        kept.setdefault(kind, one)
    if len(kept) > MOST:
        question.faults.append(f"At most {MOST} prices; these are {len(kept)}.")
    first = list(kept.values())[:MOST]
    return [_with_number(one, -number) for number, one in enumerate(first, 1)]


def _with_number(asked: Asked, number: int) -> Asked:
    rate = replace(asked.rate, row=replace(asked.rate.row, price_id=number))
    return replace(asked, rate=rate)
