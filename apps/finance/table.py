"""The explorer's table: its columns, their order and what stands in a cell; the same for page and
file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.core.admin.cells import NOTHING, money
from apps.core.money import Pico, exact_usd, short_usd
from apps.finance.explorer import Exploration, Group
from apps.finance.figures import split_usd
from apps.finance.types import Sums

MOST_ROWS = 100  # on a page; the rest is one row, and in the file all are

Value = int | float | None


@dataclass(frozen=True)
class Column:
    """`name` in addresses and files; `shown` as a cell of the page, `written` in a file."""

    name: str
    label: str
    value: Callable[[Group], Value]
    shown: Callable[[Group], SafeString | str]
    written: Callable[[Group], str]
    hint: str = ""
    is_money: bool = False  # `value` is pico-USD


def _count(name: str, label: str, of: Callable[[Group], int], hint: str = "") -> Column:
    return Column(name, label, of, lambda group: f"{of(group):,}", lambda g: str(of(g)), hint)


def _usd(
    name: str, label: str, of: Callable[[Group], Pico | None], hint: str = "", *, whole: Pico = 0
) -> Column:
    """`whole`: what its amounts are parts of; 0: they are of another size, a call's."""
    return Column(
        name,
        label,
        of,
        lambda group: money(of(group), beside=whole),
        lambda g: _exact(of(g)),
        hint,
        is_money=True,
    )


def _exact(amount: Pico | None) -> str:
    return "" if amount is None else exact_usd(amount)


def _cost(group: Group) -> SafeString:
    """Exact on the screen; paper has no room for it, and has it rounded instead of cut off."""
    whole, digits = split_usd(group.sums.amount_pico)
    return format_html(
        '<span class="f-exact" data-short="{}"><strong>{}</strong>'
        '<span class="l-digits">{}</span></span>',
        short_usd(group.sums.amount_pico),
        whole,
        digits,
    )


def _share(group: Group) -> SafeString:
    return format_html(
        '<meter min="0" max="1" value="{}" aria-label="Share"></meter> '
        '<span class="l-num">{}</span>',
        f"{max(0, group.share):.6f}",
        f"{group.share:.1%}",
    )


def _change(group: Group, whole: Pico) -> SafeString | str:
    if group.before is None:
        return NOTHING
    return format_html(
        '<span{}>{}</span> <span class="l-muted">{}</span>',
        format_html(' class="l-{}"', group.change.judgement) if group.change.judgement else "",
        money(group.change_pico, beside=whole, is_change=True),
        group.change.text,
    )


_COST = Column(
    "cost",
    "Cost",
    lambda g: g.sums.amount_pico,
    _cost,
    lambda g: exact_usd(g.sums.amount_pico),
    is_money=True,
)
_SHARE = Column("share", "Share", lambda g: g.share, _share, lambda g: f"{g.share:.6f}")


def _compared(whole: Pico) -> tuple[Column, ...]:
    return (
        _usd("before", "Before", lambda g: g.before.amount_pico if g.before else None, whole=whole),
        Column(
            "change",
            "Change",
            lambda g: g.change_pico,
            lambda g: _change(g, whole),
            lambda g: exact_usd(g.change_pico),
            is_money=True,
        ),
    )


_CALLS = (
    _count(
        "calls", "Calls", lambda g: g.sums.calls, "Answered or billed attempts, and cache hits."
    ),
    _usd("per_call", "Per call", lambda g: g.per_call),
    _usd(
        "per_answer",
        "Per answer",
        lambda g: g.per_answer,
        "Calls that brought somebody an answer: without failures, late answers and copies.",
    ),
    _usd("per_1000_tokens", "Per 1,000 tokens", lambda g: g.per_1000_tokens),
    _count("cached", "Cached", lambda g: g.sums.hits, "Answered from our cache."),
)
_TOKENS = (
    _count("tokens_in", "Tokens in", lambda g: g.sums.input_tokens, "As providers counted."),
    _count(
        "cached_in",
        "Cached in",
        lambda g: g.sums.cached_tokens,
        "Of the tokens in, what providers had in a cache of theirs.",
    ),
    _count("tokens_out", "Tokens out", lambda g: g.sums.output_tokens, "As providers counted."),
)
_SAVED = "What answers from our cache had cost."


def columns(exploration: Exploration) -> tuple[Column, ...]:
    whole = exploration.total.sums.amount_pico
    compared = _compared(whole) if exploration.total.before is not None else ()
    saved = _usd("saved", "Saved", lambda g: g.sums.avoided_pico, _SAVED, whole=whole)
    return (_COST, _SHARE, *compared, *_CALLS, saved, *_TOKENS)


def in_order(exploration: Exploration, sort: str) -> list[Group]:
    """By a column's name, or `group`; with `-` before it, the largest first (see `sort_of`)."""
    name, reverse = sort.removeprefix("-"), sort.startswith("-")
    by_name = {column.name: column for column in columns(exploration)}
    ranked = sorted(exploration.groups, key=lambda group: group.labels)
    if name == "group":
        return ranked[::-1] if reverse else ranked
    column = by_name[name]
    return sorted(ranked, key=lambda group: _rank(column.value(group)), reverse=reverse)


def sort_of(exploration: Exploration, asked: str) -> str:
    known = {"group", *(column.name for column in columns(exploration))}
    usual = {"calls": "-calls", "tokens": "-tokens_in"}.get(exploration.query.metric, "-cost")
    return asked if asked.removeprefix("-") in known else usual


def rest_of(groups: Sequence[Group]) -> Group:
    """All of them as one row."""
    befores = [group.before for group in groups if group.before is not None]
    return Group(
        values=(),
        labels=(f"{len(groups):,} more",),
        sums=sum((group.sums for group in groups), Sums()),
        before=sum(befores, Sums()) if befores else None,
        share=sum(group.share for group in groups),
    )


def _rank(value: Value) -> tuple[bool, int | float]:
    """What has no value comes last when the largest come first."""
    return value is not None, value or 0
