"""WSGI entry of the `web` process: admin and REST API."""

import os

from django.core.wsgi import get_wsgi_application

from apps.core.database_waits import bound_waits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")

application = get_wsgi_application()
bound_waits(seconds=15)  # no page and no request may hold a thread for longer
