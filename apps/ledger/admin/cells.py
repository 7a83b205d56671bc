"""Cells and small tables of the books."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.core.admin import pill
from apps.core.admin.cells import NOTHING, Kind, short_time
from apps.core.money import exact_usd
from apps.ledger.line_names import line_name
from apps.ledger.models import Attempt, AttemptStatus, Entry, EntryKind
from apps.registry.models import UsageClass
from apps.registry.pricing import MILLION

_COUNTED = {UsageClass.REQUESTS, UsageClass.WEB_SEARCH}  # one by one, and no tokens
KIND_PILLS: Mapping[str, Kind] = {
    EntryKind.CHARGE: "ok",
    EntryKind.ESTIMATE: "warn",
    EntryKind.LATE_CHARGE: "info",
    EntryKind.CACHE_HIT: "quiet",
    EntryKind.UNPRICED: "bad",
    EntryKind.CONFLICT: "bad",
    EntryKind.REVERSAL: "info",
    EntryKind.CORRECTION: "info",
    EntryKind.PROVIDER_ADJUSTMENT: "info",
    EntryKind.CREDIT: "ok",
}
STATUS_PILLS: Mapping[str, Kind] = {
    AttemptStatus.DISPATCHED: "info",
    AttemptStatus.SUCCEEDED: "ok",
    AttemptStatus.FAILED: "bad",
    AttemptStatus.UNKNOWN: "warn",
}
_LINES = """
    <div class="l-scroll" data-label="Price lines">
    <table class="l-table"><thead><tr><th scope="col">Usage</th><th scope="col">Quantity</th>
    <th scope="col">Price, USD</th><th scope="col">Amount, USD</th></tr></thead>
    <tbody>{}</tbody>
    <tfoot><tr><th scope="row">Total</th><td></td><td></td><td class="l-n">{}</td></tr></tfoot>
    </table></div>
"""
_LINE = """
    <tr><th scope="row">{}</th><td class="l-n">{}</td><td class="l-n">{}</td>
    <td class="l-n">{}</td></tr>
"""
_TIMELINE = """
    <div class="l-scroll" data-label="What happened">
    <table class="l-table"><thead><tr><th scope="col">Time</th><th scope="col">What</th>
    <th scope="col">Amount</th><th scope="col">Why</th></tr></thead><tbody>{}</tbody></table></div>
"""
_EVENT = "<tr><td>{}</td><td>{}</td><td class='l-n'>{}</td><td>{}</td></tr>"


def entry_kind(entry: Entry) -> SafeString:
    return pill(entry.get_kind_display(), KIND_PILLS[entry.kind])


def attempt_status(attempt: Attempt) -> SafeString:
    return pill(attempt.get_status_display(), STATUS_PILLS[attempt.status])


def link(row: Attempt | Entry | None, text: str = "") -> SafeString:
    if row is None:
        return format_html("{}", NOTHING)
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[row.pk]), text or row)


def price_lines(entry: Entry) -> SafeString:
    """Quantity × price = amount, line by line, with the prices that were frozen at booking."""
    if not entry.lines:
        return format_html("{}", NOTHING)
    rows = format_html_join("", _LINE, (_line(line) for line in entry.lines))
    return format_html(_LINES, rows, exact_usd(entry.amount_pico))


def timeline(attempt: Attempt, entries: Iterable[Entry]) -> SafeString:
    """What happened to an attempt, and what was booked for it, in order."""
    return format_html(_TIMELINE, format_html_join("", _EVENT, _events(attempt, entries)))


def _line(line: Mapping[str, Any]) -> Sequence[Any]:
    return (
        line_name(line) or NOTHING,
        f"{line.get('quantity', 0):,}",
        _price(line),
        exact_usd(line["amount_pico"]) if "amount_pico" in line else "no price",
    )


def _price(line: Mapping[str, Any]) -> str:
    """Of tokens for a million of them, as price lists have it; what that rounds stays as booked."""
    if "price_pico" not in line:
        return "no price"
    price, block = line["price_pico"], line.get("per_block", 1)
    million, rest = divmod(price * MILLION, block)
    if line.get("usage_class") not in _COUNTED and not rest:
        return f"× {exact_usd(million)} / 1,000,000"
    return f"× {exact_usd(price)}" if block == 1 else f"× {exact_usd(price)} / {block:,}"


def _events(attempt: Attempt, entries: Iterable[Entry]) -> Iterable[Sequence[Any]]:
    yield short_time(attempt.started_at), "Sent", "", attempt.get_purpose_display()
    if attempt.first_token_ms is not None:
        yield f"+ {attempt.first_token_ms:,} ms", "First token", "", ""
    if attempt.ended_at is not None:
        yield short_time(attempt.ended_at), attempt_status(attempt), "", attempt.error
    for entry in entries:
        amount = link(entry, exact_usd(entry.amount_pico))
        yield short_time(entry.at), entry_kind(entry), amount, entry.reason
