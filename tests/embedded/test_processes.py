"""What a killed stack left behind is found and ended; a stranger with the same number is not."""

import signal
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from llmplatform.embedded.processes import ProcessBook, ProcessRecord, end, end_left_overs, stop

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(); time.sleep(600)",
]


@pytest.fixture
def sleeper():
    process = subprocess.Popen(SLEEP, start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def book(tmp_path):
    return ProcessBook(tmp_path / "processes.json")


def test_a_recorded_process_is_found_again(book, sleeper):
    book.add(name="web", pid=sleeper.pid)

    assert book.living()["web"].pid == sleeper.pid


def test_the_same_pid_with_another_start_time_is_a_stranger(sleeper):
    record = ProcessRecord.of(name="web", pid=sleeper.pid)

    assert replace(record, create_time=record.create_time - 60).process() is None


def test_left_overs_are_ended_and_forgotten(book, sleeper):
    book.add(name="web", pid=sleeper.pid)

    assert end_left_overs(book) == ["web"]
    assert not psutil.pid_exists(sleeper.pid)
    assert book.records() == {}


def test_the_children_of_a_process_end_with_it():
    shell = subprocess.Popen(["sh", "-c", "sleep 600 & echo; wait"], stdout=subprocess.PIPE)
    shell.stdout.readline()
    (child,) = psutil.Process(shell.pid).children()

    end([psutil.Process(shell.pid)])

    assert not child.is_running()
    shell.communicate()


def test_a_process_that_ignores_the_signal_is_killed():
    deaf = subprocess.Popen(DEAF, stdout=subprocess.PIPE, start_new_session=True)
    deaf.stdout.readline()

    stop(deaf, by=signal.SIGTERM, timeout=0.2)

    assert deaf.returncode == -signal.SIGKILL
    deaf.communicate()
