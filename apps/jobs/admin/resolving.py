"""The page on which a person decides what a call cost."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from apps.audit.history import note_reason
from apps.core.admin.confirm import ReasonForm
from apps.core.money import exact_usd
from apps.jobs.services.quarantine import propose, provider_counts, resolve_entry
from apps.jobs.services.rebooking import prices_then
from apps.ledger.admin.cells import price_lines
from apps.ledger.models import Attempt, Choice, Entry, Usage
from apps.ledger.pricing import BILLED_AS, Unpriced, tier_of_lines
from apps.ledger.services import NotReversible
from apps.providers.counts import MAX_TOKENS
from apps.registry.models import UsageClass
from apps.registry.types import PriceRow


class ResolveForm(ReasonForm):
    """What to book instead, and why."""

    choice = forms.ChoiceField(label="What did it cost?", widget=forms.RadioSelect)
    field_order = ("choice",)

    def __init__(self, entry: Entry, attempt: Attempt, data: Any = None) -> None:
        super().__init__(data)
        self._entry, self._attempt = entry, attempt
        self.fields["choice"].choices = _choices(entry, attempt)  # type: ignore[attr-defined]
        prices = prices_then(attempt)
        self._classes = _bookable(prices)
        for name in self._classes:
            self.fields[name] = forms.IntegerField(
                label=UsageClass(name).label, required=False, min_value=0, max_value=MAX_TOKENS
            )
        tiers = sorted({row.service_tier for row in prices})
        if len(tiers) > 1:
            self.fields["tier"] = _tier_field(tiers, tier_of_lines(entry.lines))

    @property
    def details(self) -> list[forms.BoundField]:
        """The counts, and the tier where there is a choice."""
        return [self[name] for name in (*self._classes, "tier") if name in self.fields]

    @property
    def tier(self) -> str:
        return str(self.cleaned_data.get("tier", ""))

    def typed(self) -> dict[str, int]:
        values = {name: self.cleaned_data.get(name) for name in self._classes}
        return {name: count for name, count in values.items() if count is not None}

    def clean(self) -> dict[str, Any]:
        """Whether what was chosen can be booked at all."""
        choice, typed = self.cleaned_data.get("choice"), self.typed()
        if choice == Choice.COUNTS and not typed:
            self.add_error(None, "Type at least one count; 0 if the call used nothing.")
        elif choice:
            self._try(Choice(choice), typed)
        return self.cleaned_data

    def _try(self, choice: Choice, counts: dict[str, int]) -> None:
        try:
            propose(
                entry=self._entry,
                attempt=self._attempt,
                choice=choice,
                counts=counts,
                tier=self.tier,
            )
        except Unpriced as error:
            sent = f"{self._attempt.started_at:%Y-%m-%d %H:%M}"
            text = f"{error} Add it to the price list, valid from before {sent} UTC."
            self.add_error(None, text)


def resolve_page(model_admin: Any, request: HttpRequest, entry: Entry) -> HttpResponse | None:
    """Asks, and books from a valid POST. None means done."""
    if entry.attempt is None:
        messages.error(request, "There is nothing to decide about this entry.")
        return None
    form = ResolveForm(entry, entry.attempt, request.POST or None)
    if request.method == "POST" and form.is_valid():
        _resolve(request, entry, form)
        return None
    usage = Usage.objects.filter(attempt=entry.attempt_id).first()
    said = (usage.raw or {}).get("contested", usage.raw) if usage else None
    context = {
        "title": "What did this call cost?",
        "opts": model_admin.opts,
        "original": entry,
        "object_url": model_admin._change_url(entry),
        "form": form,
        "lines": price_lines(entry),
        "said": None if said is None else json.dumps(said, indent=2),
    }
    return TemplateResponse(
        request,
        "admin/ledger/resolve_entry.html",
        model_admin.admin_site.each_context(request) | context,
    )


def _resolve(request: HttpRequest, entry: Entry, form: ResolveForm) -> None:
    reason = form.cleaned_data["reason"]
    note_reason(reason)
    try:
        correction = resolve_entry(
            entry_id=entry.pk,
            choice=Choice(form.cleaned_data["choice"]),
            counts=form.typed(),
            tier=form.tier,
            reason=reason,
            by=request.user,
        )
    except (NotReversible, Unpriced, ValueError) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Booked at {exact_usd(correction.amount_pico)} USD.")


def _bookable(prices: Collection[PriceRow]) -> list[str]:
    """Usage classes that had a price; all while there was none, so that it can be told."""
    priced = {row.usage_class for row in prices}
    priced |= {name for name, plain in BILLED_AS.items() if plain in priced}
    return [name for name in UsageClass.values if name in priced or not priced]


def _tier_field(tiers: Sequence[str], booked: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Service tier",
        choices=[(name, name) for name in tiers],
        initial=booked,
        help_text="What the provider billed it in: also for its own total. What is booked is in "
        f"“{booked}”.",
    )


def _choices(entry: Entry, attempt: Attempt) -> list[tuple[str, str]]:
    counts = provider_counts(attempt)
    choices = [
        (Choice.COUNTS.value, "Book the counts that I type"),
        (Choice.KEEP.value, f"Keep what is booked{_cost(entry, attempt, Choice.KEEP)}"),
    ]
    if counts is not None:
        total = f"{counts['in_uncached']:,} tokens in and {counts['out_text']:,} out"
        cost = _cost(entry, attempt, Choice.PROVIDER)
        text = f"Accept the provider's total of {total}{cost}"
        choices.insert(0, (Choice.PROVIDER.value, text))
    return choices


def _cost(entry: Entry, attempt: Attempt, choice: Choice) -> str:
    try:
        return (
            f": {exact_usd(propose(entry=entry, attempt=attempt, choice=choice).amount_pico)} USD"
        )
    except Unpriced as error:
        return f" ({error})"
