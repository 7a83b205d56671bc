"""Two schedulers at once, and one that is killed between the mail server's yes and its own note."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection

from apps.access.roles import sync_roles
from apps.finance.models import Letter, MailPlan
from apps.finance.services import put_due_letters
from tests.finance.conftest import booked
from tests.finance.test_mail_letters import (  # noqa: F401 - box is a fixture
    DOLLAR,
    MONDAY,
    box,
    made_view,
    parts,
    person,
    planned,
    round_of,
)
from tests.jobs.workers import environment_of_tests
from tests.nursery import ROOT

pytestmark = pytest.mark.django_db(transaction=True)
# As the worker's task does it, with the test's mail server.
WORKER = """
import sys
import django
django.setup()
from datetime import datetime
from django.conf import settings
settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", int(sys.argv[1])
settings.DEFAULT_FROM_EMAIL = "costs@example.com"
settings.WEB_URL = "https://llm.example.com"
from apps.finance.services import deliver_letters
deliver_letters(now=datetime.fromisoformat(sys.argv[2]), zone="UTC")
"""


@pytest.fixture
def roles():
    """Tests with real commits begin with empty tables."""
    sync_roles()


@pytest.mark.usefixtures("roles")
def test_two_schedulers_send_each_letter_once(box):  # noqa: F811
    people = [person(f"p{n}") for n in range(6)]
    planned(made_view(people[0]), *people)
    planned(made_view(people[1], name="Other"), *people)
    together = Barrier(2)

    def schedule(_):
        together.wait()
        try:
            return round_of(MONDAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        sent = sum(pool.map(schedule, range(2)))

    # what one had locked the other left: the next round has nothing to do
    assert round_of(MONDAY) == 0
    assert sent == len(box.messages) == 12
    pairs = {(message["To"], message["Subject"]) for message in box.messages}
    assert len(pairs) == 12
    assert MailPlan.objects.filter(next_at=MONDAY + timedelta(days=7)).count() == 2


@pytest.mark.slow
@pytest.mark.usefixtures("roles")
def test_one_that_dies_after_the_server_took_it_sends_the_same_message_again(box):  # noqa: F811
    fiona = person("fiona")
    planned(made_view(fiona), fiona)
    put_due_letters(now=MONDAY, zone="UTC")
    worker = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WORKER, str(box.port), MONDAY.isoformat()],
        cwd=ROOT,
        env=environment_of_tests(),
    )
    box.taken = lambda: os.kill(worker.pid, signal.SIGKILL)
    try:
        assert worker.wait(timeout=300) == -signal.SIGKILL
    finally:
        worker.kill()
    box.taken = lambda: None
    letter = Letter.objects.get()
    assert (letter.sent_at, letter.tries, len(box.messages)) == (None, 0, 1)

    booked("shop", MONDAY - timedelta(days=1), DOLLAR)  # what came since is for the next letter
    assert round_of(MONDAY + timedelta(minutes=1)) == 1
    assert round_of(MONDAY + timedelta(minutes=2)) == 0

    first, again = box.messages
    assert [first[name] for name in ("Message-ID", "Date", "Subject", "To")] == [
        again[name] for name in ("Message-ID", "Date", "Subject", "To")
    ]
    assert parts(first) == parts(again)
    letter.refresh_from_db()
    assert letter.sent_at == MONDAY + timedelta(minutes=1)
