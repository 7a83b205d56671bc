"""What the tasks of every app share."""

from django.db import InterfaceError, OperationalError

# For Celery's `throws`: expected now and then, worth a line and no traceback. The next round of the
# schedule tries again.
DATABASE_AWAY = (OperationalError, InterfaceError)
