"""WSGI entry of the `web` process: admin and REST API."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from apps.core.database_waits import bound_waits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")

application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - loads every page: not while the first one waits
bound_waits(seconds=15)  # no page and no request may hold a thread for longer
