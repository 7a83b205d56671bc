"""`manage.py` where nothing runs: commands tell how they are used, and else say what is missing."""

import shutil
import subprocess
import sys

import pytest

import manage

HOST = {"PATH": "/usr/bin:/bin", "HOME": "/"}


@pytest.fixture
def run(tmp_path):
    """In a clone of its own, so that no stack of this machine is found."""
    for name in ("manage.py", "pyproject.toml", "requirements-dev.lock"):
        shutil.copy(manage.ROOT / name, tmp_path)
    shutil.copytree(manage.ROOT / "llmplatform", tmp_path / "llmplatform")
    for name in ("apps", "templates"):
        (tmp_path / name).symlink_to(manage.ROOT / name)
    code = "import manage, sys; sys.exit(manage._dispatch(sys.argv))"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(
            command, env=HOST, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize("asked", [("create_provider", "--help"), ("help", "create_provider")])
def test_a_command_tells_how_it_is_used(run, asked):
    done = run(*asked)

    assert done.returncode == 0
    assert "--secret-ref" in done.stdout


def test_a_command_that_needs_a_stack_says_where_to_name_it(run):
    done = run("create_provider", "openai")

    assert done.returncode == 1
    for word in ("manage.py up", "DATABASE_URL", "--data", "stack.json", "docs/running.md"):
        assert word in done.stderr
