"""`manage.py up` on a folder of its own: ready, alone, robust against kill -9, gone after `down`.

The tests stand in the order of a stack's life; without the models, whose start is tested alone.
"""

import json
import os
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import psycopg
import pytest

from llmplatform.embedded.layout import ROOT, Ports, free_port, is_free

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
PROCESSES = {"up", "postgres", "valkey", "web", "gateway", "worker", "beat"}


@pytest.fixture(scope="module")
def port_base() -> int:
    return free_port(following=6)


@pytest.fixture(scope="module")
def data(tmp_path_factory, port_base) -> Path:
    folder = tmp_path_factory.mktemp("stack") / "data"
    manage("up", "--detach", "--no-model", f"--port-base={port_base}", f"--data={folder}")
    yield folder
    manage("down", f"--data={folder}")


def manage(*arguments: str, code: int = 0) -> str:
    """Run manage.py as a person with nothing set would; its output."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")}
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def ready(data: Path) -> dict:
    return json.loads((data / "ready.json").read_text())


def test_ready_json_tells_a_script_everything(data, port_base):
    told = ready(data)

    assert set(told) == {
        *("web_url", "gateway_url", "metrics_urls", "users", "services"),
        *("database_url", "redis_url", "pids"),
    }
    assert set(told["pids"]) == PROCESSES
    assert all(psutil.pid_exists(pid) for pid in told["pids"].values())
    assert told["web_url"] == f"http://127.0.0.1:{port_base}"
    assert stat.S_IMODE((data / "ready.json").stat().st_mode) == 0o600


def test_every_process_is_ready(data):
    report = json.loads(manage("status", "--json", f"--data={data}"))

    assert report["ready"]
    assert {name for name, row in report["processes"].items() if row["ready"]} == PROCESSES


def test_the_admin_answers(data):
    with urllib.request.urlopen(f"{ready(data)['web_url']}/admin/login/", timeout=10) as response:
        assert response.status == 200


def test_a_second_start_on_the_same_folder_is_refused(data):
    assert "already running" in manage("up", f"--data={data}", code=1)


def test_a_busy_port_is_named(data, port_base, tmp_path):
    output = manage("up", f"--port-base={port_base}", f"--data={tmp_path}", code=1)

    assert str(Ports(port_base).web) in output
    assert "--port-base" in output


def test_after_kill_9_the_next_start_ends_the_left_overs_and_keeps_the_data(data, port_base):
    before = ready(data)
    with psycopg.connect(before["database_url"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    psutil.Process(before["pids"]["up"]).kill()
    torn = data / "beat-schedule.torn"  # what beat remembers must not outlive a kill
    torn.touch()

    manage("up", "--detach", "--no-model", f"--port-base={port_base}", f"--data={data}")

    assert not any(psutil.pid_exists(pid) for pid in before["pids"].values())
    assert not torn.exists()
    with psycopg.connect(ready(data)["database_url"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_a_process_that_dies_is_named_and_ends_the_stack(data, port_base):
    pids = ready(data)["pids"]
    supervisor = psutil.Process(pids["up"])
    psutil.Process(pids["beat"]).kill()

    supervisor.wait(60)

    assert "beat ended with code -9" in (data / "logs" / "up.log").read_text()
    assert not (data / "ready.json").exists()
    manage("up", "--detach", "--no-model", f"--port-base={port_base}", f"--data={data}")


def test_a_killed_server_ends_the_stack_though_its_worker_lives_on(data, port_base):
    pids = ready(data)["pids"]
    supervisor, master = psutil.Process(pids["up"]), psutil.Process(pids["gateway"])
    below = master.children(recursive=True)
    master.kill()

    supervisor.wait(60)

    assert below
    assert not any(child.is_running() for child in below)
    assert "gateway was killed, and left children behind" in (
        (data / "logs" / "up.log").read_text()
    )
    manage("up", "--detach", "--no-model", f"--port-base={port_base}", f"--data={data}")


def test_down_leaves_no_process(data, port_base):
    pids = ready(data)["pids"]

    manage("down", f"--data={data}")

    assert not any(psutil.pid_exists(pid) for pid in pids.values())
    assert all(is_free(port) for port in range(port_base, port_base + 7))
    assert "Nothing runs" in manage("status", f"--data={data}", code=1)
