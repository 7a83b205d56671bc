"""What a release would cost in the next 30 days at the calls of the last 30, and which hard budgets
would run out: asked before it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from django.db.models import Sum

from apps.budgets.admission import Room
from apps.budgets.models import Budget
from apps.budgets.outlook import pace
from apps.budgets.rolling import is_rolling
from apps.budgets.selectors import rooms_now
from apps.core.clock import db_now
from apps.core.money import Pico, short_usd
from apps.gateway.config import Config
from apps.ledger.models import DayCost, Purpose
from apps.ledger.pricing import Unpriced, price_usage
from apps.playground import configuration
from apps.playground.services.figures import NoFigures, deployment_of
from apps.playground.services.previews import live_preview
from apps.prompts.models import Channel, Prompt, PromptVersion
from apps.prompts.services import content_of
from apps.prompts.services.gates import GateFinding, GateOutcome
from apps.results.versions import VersionMetrics, version_metrics

PERIOD = timedelta(days=30)
TICK = timedelta(microseconds=1)
ENOUGH = 100  # calls whose mean says something
CHECK = "Cost"


@dataclass(frozen=True, slots=True)
class Expected:
    """Pico-USD a call; `calls` of the channel in the period."""

    old: Fraction
    new: Fraction
    calls: int
    measured: bool

    @property
    def ratio(self) -> Fraction:
        return self.new / self.old


def cost_gate(
    *, prompt: Prompt, channel: Channel, version: PromptVersion, base: PromptVersion | None
) -> Sequence[GateFinding]:
    """Registered with `apps.prompts.services.gates`."""
    if base is None or base.pk == version.pk:
        return []
    return cost_findings(prompt=prompt, channel=channel, version=version, base=base, now=db_now())


def cost_findings(
    *, prompt: Prompt, channel: Channel, version: PromptVersion, base: PromptVersion, now: datetime
) -> list[GateFinding]:
    """It informs; where a hard budget would run out, it is unsure, since a forecast is no proof.
    Nothing to say unless the base answered a hundred calls."""
    found = _expected(prompt, channel, version, base, now)
    if found is None:
        return []
    out = list(_run_out(prompt, found, now))
    outcome = GateOutcome.UNSURE if out else GateOutcome.PASS
    return [GateFinding(CHECK, outcome, " ".join([_said(found), *out]))]


def _said(found: Expected) -> str:
    how = "as measured" if found.measured else "estimated from samples"
    old, new = (short_usd(round(found.calls * each)) for each in (found.old, found.new))
    change = float(found.ratio - 1)
    return (
        f"About {new} in 30 days at {found.calls:,} calls, now {old} ({change:+.0%} a call, {how})."
    )


def _expected(
    prompt: Prompt, channel: Channel, version: PromptVersion, base: PromptVersion, now: datetime
) -> Expected | None:
    rows = version_metrics(prompt=prompt.slug, since=now - PERIOD)
    calls = sum(row.calls for row in rows if row.channel == channel.slug)
    old = _whole(row for row in rows if row.version == base.number and row.channel == channel.slug)
    if old.calls < ENOUGH or not old.cost_pico:
        return None
    usual = Fraction(old.cost_pico, old.calls)
    new = _whole(row for row in rows if row.version == version.number)
    if new.calls >= ENOUGH:
        return Expected(usual, Fraction(new.cost_pico, new.calls), calls, measured=True)
    times = _estimated(version, base, old.output_tokens // old.calls, now)
    return Expected(usual, usual * times, calls, measured=False) if times else None


def _whole(rows: Iterable[VersionMetrics]) -> VersionMetrics:
    found = VersionMetrics(0, "", "")
    for row in rows:
        found.calls += row.calls
        found.cost_pico += row.cost_pico
        found.output_tokens += row.output_tokens
    return found


def _estimated(
    version: PromptVersion, base: PromptVersion, output: int, now: datetime
) -> Fraction | None:
    """How many times the base a call would cost, with the samples and answers as long as today."""
    config = configuration.current_config()
    new, old = (_price(one, output, config, now) for one in (version, base))
    return Fraction(new, old) if new and old else None


def _price(version: PromptVersion, output: int, config: Config, now: datetime) -> Pico | None:
    content = content_of(version)
    found = live_preview(content=content, config=config, now=now, kind=version.prompt.kind)
    if found.figures is None:
        return None
    counts = {"in_uncached": found.figures.tokens, "out_text": output}
    try:
        prices = deployment_of(content.model, config).prices_at(now)
        return price_usage(counts=counts, prices=prices).amount_pico
    except (NoFigures, Unpriced):
        return None


def _run_out(prompt: Prompt, found: Expected, now: datetime) -> Iterator[str]:
    """Hard budgets of calendar windows that would last to their end as things are, and not then.

    Those of a provider, model or tag are left out: what a call meets of them, routes decide.
    """
    more = found.calls * (found.new - found.old)
    rows = Budget.objects.filter(active=True, hard=True, provider="", model="", tag="")
    budgets = {row.pk: row for row in rows if not is_rolling(row) and _matches(row, prompt)}
    if more <= 0 or not budgets:
        return
    shares = _shares(prompt, now)
    for room in rooms_now(budgets=list(budgets.values()), now=now).values():
        mine = sum(
            share for whose, share in shares.items() if _pays(budgets[room.budget_id], whose)
        )
        yield from _used_up(room, more * mine, now)


def _used_up(room: Room, more: Fraction, now: datetime) -> Iterator[str]:
    """`more`: pico-USD in 30 days."""
    if room.ends_at is None:
        return
    usual = pace(posted=room.posted, starts_at=room.period_at, ends_at=room.ends_at, now=now)
    if usual is None or usual > room.limit:
        return
    then = usual + round(more * Fraction((room.ends_at - now) // TICK, PERIOD // TICK))
    if then > room.limit:
        yield (
            f"The hard budget “{room.budget}” would be used up before {room.ends_at:%-d %B}: "
            f"{short_usd(then)} expected of {short_usd(room.limit)}. Raise it, or save elsewhere."
        )


_Payer = tuple[str, str, str]  # service, team, cost centre


def _shares(prompt: Prompt, now: datetime) -> dict[_Payer, Fraction]:
    """Who pays which part of the prompt's calls."""
    days = DayCost.objects.filter(prompt=prompt.slug, day__gte=(now - PERIOD).date())
    others = (Purpose.EVALUATION, Purpose.PLAYGROUND, Purpose.SHADOW)
    rows = days.exclude(purpose__in=others).order_by().values_list("service", "team", "cost_center")
    sums = {(row[0], row[1], row[2]): row[3] for row in rows.annotate(Sum("amount_pico"))}
    total = sum(sums.values())
    return {whose: Fraction(int(cost), int(total)) for whose, cost in sums.items()} if total else {}


def _matches(budget: Budget, prompt: Prompt) -> bool:
    return budget.prompt in ("", prompt.slug)


def _pays(budget: Budget, whose: _Payer) -> bool:
    scope = budget.service, budget.team, budget.cost_center
    return all(not wanted or wanted == has for wanted, has in zip(scope, whose, strict=True))
