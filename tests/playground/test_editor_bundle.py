"""The committed editor is what its committed sources build, and its page is light."""

import gzip
import hashlib
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders

from tests.dashboard.conftest import (  # noqa: F401
    admin_user,
    browser,
    server,
    visit,
)
from tests.prompts.conftest import make_draft, page

SOURCE = settings.BASE_DIR / "assets" / "editor"
BUILT = settings.BASE_DIR / "apps" / "prompts" / "static" / "prompts"
FIRST_LOAD = 290 * 1024  # bytes, compressed


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_committed_is_what_was_built():
    record = json.loads((SOURCE / "build.json").read_text())

    assert {name: sha256(BUILT / name) for name in record["built"]} == record["built"]
    assert {name: sha256(SOURCE / name) for name in record["sources"]} == record["sources"]
    assert {f"src/{path.name}" for path in (SOURCE / "src").iterdir()} < set(record["sources"])


def test_the_lock_pins_every_package_by_hash_and_names_no_host():
    text = (SOURCE / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]

    assert "://" not in text
    assert all("integrity" in entry for path, entry in packages.items() if path)


@pytest.mark.browser
@pytest.mark.django_db
@pytest.mark.slow
def test_the_first_load_is_light(visit, prompt):  # noqa: F811
    draft = make_draft(prompt)
    tab = visit()
    bodies: dict[str, bytes] = {}
    tab.page.on("response", lambda answer: bodies.setdefault(answer.url, answer.body()))

    tab.go(page("promptversion", draft.pk))
    tab.page.wait_for_load_state("networkidle")

    assert any(urlsplit(url).path.endswith("editor.js") for url in bodies)
    assert sum(len(gzip.compress(body, 6)) for body in bodies.values()) < FIRST_LOAD


def test_the_bundle_comes_with_its_licences():
    text = Path(finders.find("prompts/editor.licences.txt")).read_text()

    assert text.count("MIT License") >= 8
