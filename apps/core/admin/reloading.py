"""Pages of what is under way load themselves again, also without scripts."""

from django.http import HttpResponse

_SECONDS = 5


def reloaded(response: HttpResponse) -> HttpResponse:
    """The same answer, which browsers ask for again after a few seconds, as they do for ever: only
    for what ends by itself."""
    response.headers["Refresh"] = str(_SECONDS)
    return response
