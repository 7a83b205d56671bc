"""History by database triggers: every insert, update and delete of a tracked table, through
whatever door it came (admin, API, bulk update, raw SQL), becomes a row in its event table."""

from typing import Any

import pghistory
from django.core.serializers.json import DjangoJSONEncoder


class ContextEncoder(DjangoJSONEncoder):
    """Writes the history's context down; what is a function is only asked now."""

    def default(self, o: Any) -> Any:
        return o() if callable(o) else super().default(o)


def track(*, exclude: tuple[str, ...] = ()) -> Any:
    """Class decorator for a model whose history must be kept."""
    return pghistory.track(
        pghistory.InsertEvent(),
        pghistory.UpdateEvent(),
        pghistory.DeleteEvent(),
        exclude=list(exclude) or None,
    )


def note_reason(reason: str) -> None:
    """Attach the reason that a person gave to every change of this request."""
    pghistory.context(reason=reason)


def with_reason(reason: str, *, user: Any = None) -> Any:
    """Attach a reason to every change inside the block, also where nobody's request goes on; and
    the number of the `user` for whom it is done."""
    return pghistory.context(reason=reason, **({} if user is None else {"user": user}))
