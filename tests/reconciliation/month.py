"""A month of a provider's calls in the ledger, and the statement that agrees with it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

from apps.core.money import exact_usd
from apps.ledger.models import Entry
from apps.reconciliation.models import Source, Statement
from apps.reconciliation.services.importing import Upload, draft_statement, import_statement
from apps.registry.models import Provider
from tests.factories import make_deployment, make_model, make_provider

FIRST = date(2026, 3, 1)
DAYS = 31
NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)
PRICES = {"in_uncached": 150_000, "out_text": 600_000}
# model → tokens in and out of each of its calls, and how many calls a day
MODELS = {"large": (1000, 200, 4), "small": (300, 50, 10), "rare": (70, 9, 1)}
HEAD = "day,model,meter,tokens,requests,usd,type,project"


@dataclass(frozen=True)
class Claim:
    """A line of a statement."""

    day: date
    model: str
    meter: str
    tokens: int
    requests: int
    pico: int
    type: str = "usage"

    @property
    def csv(self) -> str:
        cells = (self.day, self.model, self.meter, self.tokens, self.requests)
        return ",".join(map(str, (*cells, exact_usd(self.pico), self.type, "prod")))

    def calls(self, count: int) -> "Claim":
        """With so many more calls of its size."""
        tokens = self.tokens // self.requests * count
        pico = self.pico // self.requests * count
        return replace(
            self,
            tokens=self.tokens + tokens,
            requests=self.requests + count,
            pico=self.pico + pico,
        )


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


def make_provider_with_models(slug: str = "acme") -> Provider:
    provider = make_provider(slug=slug)
    for model in MODELS:
        make_deployment(provider=provider, model=make_model(model), slug=f"{model}-eu")
    Source.objects.create(
        provider=provider,
        format="generic",
        day_column="day",
        item_column="model",
        meter_column="meter",
        amount_column="usd",
        quantity_column="tokens",
        calls_column="requests",
        category_column="type",
        account_column="project",
    )
    return provider


def booked(provider: str, model: str, at: datetime, counts: dict[str, int], **values: Any) -> Entry:
    """A call with its price lines."""
    lines = [
        {"usage_class": name, "quantity": n, "price_pico": PRICES[name], "per_block": 1}
        | {"price_id": 1, "amount_pico": n * PRICES[name]}
        for name, n in counts.items()
    ]
    defaults: dict[str, Any] = {
        "kind": "charge",
        "service": "shop",
        "team": "t",
        "cost_center": "c",
        "deployment": f"{model}-eu",
        "request_id": "r",
        "lines": lines,
        "amount_pico": sum(line["amount_pico"] for line in lines),
    }
    return Entry(provider=provider, model=model, at=at, **(defaults | values))


def book_month(provider: str = "acme") -> None:
    Entry.objects.bulk_create(
        booked(
            provider,
            model,
            datetime.combine(day(number), datetime.min.time(), UTC) + timedelta(hours=1 + hour),
            {"in_uncached": tokens_in, "out_text": tokens_out},
        )
        for number in range(1, DAYS + 1)
        for model, (tokens_in, tokens_out, calls) in MODELS.items()
        for hour in range(calls)
    )


def agreeing() -> dict[tuple[int, str, str], Claim]:
    """(day, model, meter) → the line that says what the ledger says."""
    return {
        (number, model, meter): Claim(
            day(number), model, meter, tokens * calls, calls, tokens * calls * price
        )
        for number in range(1, DAYS + 1)
        for model, (tokens_in, tokens_out, calls) in MODELS.items()
        for meter, tokens, price in (
            ("input", tokens_in, PRICES["in_uncached"]),
            ("output", tokens_out, PRICES["out_text"]),
        )
    }


def text_of(claims: Iterable[Claim]) -> str:
    return "\n".join([HEAD, *(claim.csv for claim in claims)]) + "\n"


def drafted(
    text: str | bytes, provider: Provider, name: str = "march.csv", **more: Any
) -> Statement:
    raw = text.encode() if isinstance(text, str) else text
    costs = Upload(name, BytesIO(raw))
    return draft_statement(provider=provider, costs=costs, **({"by": None, "now": NOW} | more))


def imported(text: str | bytes, provider: Provider, **more: Any) -> Statement:
    return import_statement(statement_id=drafted(text, provider, **more).pk, now=NOW)


def bridge(statement: Statement) -> dict[str, int]:
    """Column → what its rows add up to, without those of nothing."""
    found: dict[str, int] = defaultdict(int)
    for row in statement.differences.all():
        for column in COLUMNS:
            found[column] += getattr(row, f"{column}_pico")
    return {column: amount for column, amount in found.items() if amount}


COLUMNS = (
    *("timing", "capture", "tokens", "price", "rounding", "repeated"),
    *("credit", "discount", "tax", "rest"),
)
