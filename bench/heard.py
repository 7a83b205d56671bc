"""When a gateway has taken in what was just configured."""

import time
import urllib.error
import urllib.request

PATIENCE = 30.0  # seconds; an edit is in force within one


def wait_until_heard(url: str) -> None:
    """Make a key and return when the gateway at `url` takes it: it then knows all that was written
    before. Raises SystemExit after `PATIENCE`."""
    from tests.factories import make_key, make_service

    key = make_key(make_service(f"heard-{time.monotonic_ns()}"))
    until = time.monotonic() + PATIENCE
    while not _takes(url, key):
        if time.monotonic() > until:
            raise SystemExit(f"{url} has not heard of a new key for {PATIENCE:.0f} s.")
        time.sleep(0.05)


def _takes(url: str, key: str) -> bool:
    request = urllib.request.Request(f"{url}/v1/models", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as error:
        if error.code == 401:
            return False
        raise
