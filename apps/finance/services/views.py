"""What people keep of their questions."""

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.finance.models import SavedView
from apps.finance.query import Query


def save_view(*, name: str, query: Query, is_shared: bool, by: User) -> SavedView:
    """Saving the same again changes nothing. Raises: `ValidationError` when the name is empty or
    too long, or the question is, or stands for another question of the same person."""
    kept = SavedView(owner=by, name=name.strip(), address=query.address, is_shared=is_shared)
    kept.clean_fields()
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError:
        return _same(kept)
    return kept


def _same(wanted: SavedView) -> SavedView:
    found = SavedView.objects.get(owner=wanted.owner, name=wanted.name)
    if (found.address, found.is_shared) != (wanted.address, wanted.is_shared):
        text = f"You have a view “{found.name}” already; take another name, or delete that one."
        raise ValidationError({"name": text})
    return found
