"""What the cells of a row mean."""

import re
from datetime import UTC, date, datetime

from django.core.exceptions import ValidationError

from apps.reconciliation.models import Category, DateFormat

_FORMS = {
    DateFormat.US: ("%m/%d/%Y",),
    DateFormat.EUROPEAN: ("%d.%m.%Y", "%d/%m/%Y"),
}
_WORDS = {
    "usage": Category.USAGE,
    "credit": Category.CREDIT,
    "credits": Category.CREDIT,
    "refund": Category.CREDIT,
    "discount": Category.DISCOUNT,
    "tax": Category.TAX,
    "vat": Category.TAX,
}


def day_of(text: str, date_format: str, *, today: date) -> date:
    """Of UTC. Raises: `django.core.exceptions.ValidationError`."""
    try:
        day = _parsed(text, date_format)
    except (ValueError, OverflowError, OSError) as error:
        label = DateFormat(date_format).label
        raise ValidationError(f"“{text[:30]}” is no day as in {label}.") from error
    if not today.year - 10 <= day.year or day > today:
        raise ValidationError(f"{day} is no day of the last ten years.")
    return day


def _parsed(text: str, date_format: str) -> date:
    if text.isdecimal() and date_format in (DateFormat.UNIX, DateFormat.ISO) and len(text) < 12:
        return datetime.fromtimestamp(int(text), UTC).date()
    if date_format in (DateFormat.US, DateFormat.EUROPEAN) and "-" not in text:
        return _by_forms(text.split(" ")[0], _FORMS[DateFormat(date_format)])
    at = datetime.fromisoformat(text)
    return (at.astimezone(UTC) if at.tzinfo else at).date()


def _by_forms(text: str, forms: tuple[str, ...]) -> date:
    for form in forms:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - a day, without a time
        except ValueError:
            continue
    raise ValueError(text)


def category_of(word: str, item: str, *, is_stated: bool) -> str:
    """From its own column where there is one; else from the words of the item."""
    if is_stated:
        return _WORDS.get(word.strip().lower(), Category.OTHER if word.strip() else Category.USAGE)
    found = (_WORDS.get(part) for part in re.findall(r"[a-z]+", item.lower()) if part != "usage")
    return next((category for category in found if category), Category.USAGE)


def check_currency(text: str) -> None:
    """Raises: `ValidationError`."""
    if text.strip().upper() != "USD":
        raise ValidationError(
            f"The currency is “{text[:10]}”. Only US dollars are compared: export them in USD."
        )
