"""`manage.py` on a machine that has only Python: which environment it makes, keeps and uses."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import manage

BASE_PYTHON = sys._base_executable
COMMANDS = """
import sys
def run(command, arguments):
    print(sys.prefix)
    return 7
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A clone whose lock asks for nothing and whose commands only tell where they run."""
    root = tmp_path_factory.mktemp("clone")
    shutil.copy(manage.ROOT / "manage.py", root)
    package = root / "llmplatform" / "embedded"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "commands.py").write_text(COMMANDS)
    (root / "requirements-dev.lock").touch()
    (root / "pyproject.toml").write_text(
        '[project]\ndependencies = ["no-such-package>=1"]\n'
        "[dependency-groups]\nembedded = []\ndev = []\n"
    )
    return root


def start(
    project: Path, python: str = BASE_PYTHON, **more: str
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/")} | more
    command = [python, str(project / "manage.py"), "status"]
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, check=False
    )


def test_the_first_start_makes_the_environment_and_runs_in_it(project):
    done = start(project)

    assert (done.returncode, done.stdout.strip()) == (7, str(project / ".venv"))
    assert "Installing the packages" in done.stderr


def test_the_second_start_installs_nothing(project):
    start(project)

    assert start(project).stderr == ""


def test_a_changed_lock_is_installed_again(project):
    start(project)
    (project / "requirements-dev.lock").write_text("# changed\n")

    assert "Installing the packages" in start(project).stderr
    assert start(project).stderr == ""


def test_what_is_compiled_is_kept_away_from_the_sources_of_who_wants_it_so(project):
    start(project)
    for folder in list((project / "llmplatform").rglob("__pycache__")):
        shutil.rmtree(folder)

    assert start(project, PYTHONDONTWRITEBYTECODE="1").returncode == 7
    assert list((project / ".venv" / "bytecode").rglob("commands.*.pyc"))
    assert not list((project / "llmplatform").rglob("__pycache__"))


def test_an_empty_environment_of_the_users_own_stays_as_it_is(project, tmp_path):
    start(project)
    (project / "requirements-dev.lock").write_text("# changed for an installation\n")
    own = tmp_path / "own"
    subprocess.run([BASE_PYTHON, "-m", "venv", "--without-pip", own], check=True)
    before = sorted(own.rglob("*"))

    done = start(project, str(own / "bin" / "python"))

    assert done.stdout.strip() == str(project / ".venv")
    assert "The active environment lacks 1 packages; it stays as it is." in done.stderr
    assert sorted(own.rglob("*")) == before


def test_a_complete_environment_of_the_users_own_is_used(project, tmp_path):
    own = tmp_path / "own"
    subprocess.run([BASE_PYTHON, "-m", "venv", "--without-pip", own], check=True)
    (site,) = own.glob("lib/python*/site-packages")
    (site / "no_such_package-1.0.dist-info").mkdir()
    (site / "no_such_package-1.0.dist-info" / "METADATA").write_text("Name: no-such-package\n")

    assert start(project, str(own / "bin" / "python")).stdout.strip() == str(own)


def test_a_python_without_venv_is_told_the_one_line_that_helps(monkeypatch):
    monkeypatch.setattr(manage, "_run", lambda *_, **__: False)

    with pytest.raises(SystemExit, match="apt install python3-venv libgomp1"):
        manage._install_with_pip()


def test_the_lock_names_no_host():
    assert "://" not in manage.LOCK.read_text()


def test_everything_that_the_project_asks_for_is_in_the_lock():
    assert manage.missing_packages() == []
