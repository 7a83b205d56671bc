"""Make a budget, or change its limit or hardness. What it counts is fixed once it is made."""

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser

from apps.audit.history import with_reason
from apps.budgets.changes import SAY_WHY, needs_reason, stored
from apps.budgets.models import Budget, CarryOver, OnExceeded, Period
from apps.budgets.unknown import unknown_names
from apps.core.commands import ConfigCommand
from apps.core.money import Pico, exact_usd, pico_from_usd
from apps.core.upsert import Change, upsert

_ACTIONS = ("carry_over", "on_exceeded", "cheaper_model", "notify")


class Command(ConfigCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--name", help="Name shown to people; default: the slug.")
        parser.add_argument("--limit-usd", help="Dollars in each period, e.g. 50 or 0.25.")
        for name in Budget.SCOPE_FIELDS:
            parser.add_argument(f"--{name.replace('_', '-')}", metavar="SLUG", help="Default: any.")
        parser.add_argument("--period", help=f"{', '.join(Period.values)}; default: month.")
        parser.add_argument("--length", type=int, help="Of a rolling period: hours or days.")
        parser.add_argument("--week-start", type=int, help="0 is Monday, 6 Sunday; default: 0.")
        parser.add_argument("--fiscal-month", type=int, help="Years begin with it; default: 1.")
        parser.add_argument("--time-zone", help="e.g. Europe/Berlin; default: UTC.")
        parser.add_argument("--carry-over", help=f"{', '.join(CarryOver.values)}; default: none.")
        parser.add_argument("--on-exceeded", help=f"{', '.join(OnExceeded.values)}.")
        parser.add_argument("--cheaper-model", metavar="SLUG", help="Of --on-exceeded cheaper.")
        parser.add_argument("--notify", nargs="*", metavar="ADDRESS", help="Told of thresholds.")
        parser.add_argument("--reason", help="Why; needed to change limit, hardness or actions.")
        kind = parser.add_mutually_exclusive_group()
        kind.add_argument("--hard", action="store_true", default=None, help="Refuse. The default.")
        kind.add_argument("--soft", action="store_false", dest="hard", help="Only mark.")

    def run(self, **options: Any) -> Mapping[str, Any]:
        before = stored(slug=options["slug"])
        with with_reason(options["reason"]) if options["reason"] else nullcontext():
            budget, change = _made(options)
        if needs_reason(before, budget) and not options["reason"]:
            raise ValidationError({"reason": SAY_WHY})
        for text in unknown_names([budget])[budget.pk]:
            self.stderr.write(f"Warning: {text}")
        return {
            "budget": budget.slug,
            "limit_usd": exact_usd(budget.limit_pico),
            "hard": budget.hard,
            "change": change,
        }


def _made(options: Mapping[str, Any]) -> tuple[Budget, Change]:
    names = ("name", "hard", *_ACTIONS, *Budget.FIXED_FIELDS)
    return upsert(
        Budget,
        lookup={"slug": options["slug"]},
        values={name: options[name] for name in names}
        | {"limit_pico": _limit(options["limit_usd"])},
    )


def _limit(dollars: str | None) -> Pico | None:
    """Raises `ValidationError`."""
    try:
        return None if dollars is None else pico_from_usd(dollars)
    except ValidationError as error:
        raise ValidationError({"limit_usd": error.messages}) from error
