"""A process that is killed in the middle of a file, for real."""

import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from apps.core.clock import db_now
from apps.exports.making import work_off
from apps.exports.models import Chunk, Export
from apps.exports.services import request_export
from tests.exports.conftest import MARCH, NOW, content
from tests.finance.conftest import AT, booked
from tests.jobs.workers import environment_of_tests, eventually
from tests.nursery import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
# As a worker, but it stands still in the middle of its file until it is killed.
ENDLESS = """
import signal
import django
django.setup()
from apps.exports import making

def endless(query, asked, file, progress):
    progress.expect(1000)
    file.write(b"half a file")
    progress.step(1)
    signal.pause()

making.WRITERS["entries"] = endless
making._EVERY = 0.05
making.work_off()
"""


@pytest.mark.slow
def test_nothing_of_it_is_left_and_another_makes_it_whole(books, tmp_path):
    booked("shop", AT, 5)
    export = request_export(query=MARCH, form="entries", now=NOW, service="shop")
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", ENDLESS],
            cwd=ROOT,
            env=environment_of_tests(),
            stdout=output,
            stderr=output,
        )

    def is_under_way():
        export.refresh_from_db()
        return export.rows_done > 0

    try:
        eventually(is_under_way, log.read_text, seconds=60)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(timeout=10)
    assert (export.status, export.tries, export.rows_total) == ("running", 1, 1000)
    assert not Chunk.objects.exists()
    assert work_off() == 0  # its lease still runs

    Export.objects.update(lease_until=db_now() - timedelta(seconds=1))
    assert work_off() == 1
    export.refresh_from_db()
    assert (export.status, export.tries, export.rows, export.total_pico) == ("done", 2, 1, 5)
    assert b"half a file" not in content(export)
