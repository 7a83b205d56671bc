#!/usr/bin/env python3
"""The way in: `up`, `down`, `status`, `test`, `checks`, and every command of Django.

Needs nothing but Python 3.11 with venv. The first start makes `.venv` beside this file from the
hash-checked `requirements-dev.lock`; each start then runs itself again inside it. Only the standard
library may be imported at the top, because the first start has nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
LOCK = ROOT / "requirements-dev.lock"
VENV = ROOT / ".venv"
STAMP = VENV / "installed.sha256"
HELP = ("help", "--help", "-h", "version", "--version")
OWN_COMMANDS = ("up", "down", "status", "test", "checks")
NO_DATABASE = """There is no database: run `python3 manage.py up` first, or set DATABASE_URL.
For a stack that was started with --data, set what stands under "environment" in its stack.json
(docs/running.md)."""
NO_VENV = """This Python cannot make a virtual environment. On Debian or Ubuntu:
    apt install python3-venv libgomp1"""


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 - an older one must hear it
        print("Python 3.11 or newer is needed; this is " + sys.version.split()[0], file=sys.stderr)
        return 1
    if not _runs_in(VENV) and _in_foreign_venv() and not missing_packages():
        return _dispatch(sys.argv)
    if is_installed() and _runs_in(VENV):
        return _dispatch(sys.argv)
    install()
    return _start_again()


def _start_again() -> NoReturn:
    python = str(_venv_python())
    os.execv(python, [python, str(ROOT / "manage.py"), *sys.argv[1:]])


def _dispatch(argv: list[str]) -> int:
    _keep_bytecode()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "llmplatform.settings")
    command = argv[1] if len(argv) > 1 else "help"
    if command in OWN_COMMANDS:
        from llmplatform.embedded.commands import run

        return run(command, argv[2:])
    from llmplatform.embedded.environment import use_no_stack, use_running_stack

    if not use_running_stack(os.environ):
        if command not in HELP and not {"--help", "-h"}.intersection(argv):
            _say(NO_DATABASE)
            return 1
        use_no_stack(os.environ)
    if command in HELP:
        print(f"The product itself: {', '.join(OWN_COMMANDS)} (each with --help).\n")
    from django.core.management import execute_from_command_line

    execute_from_command_line(argv)
    return 0


def _keep_bytecode() -> None:
    """Who wants none beside the sources gets it into `.venv`.

    Nothing is compiled at installation, so each of many processes would compile all that it
    imports: more work than the rest of its start.
    """
    if not (sys.dont_write_bytecode and _runs_in(VENV)):
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(VENV / "bytecode"))
    sys.dont_write_bytecode, sys.pycache_prefix = False, prefix


# --- The virtual environment ---------------------------------------------------------------------
def _venv_python() -> Path:
    return VENV / "bin" / "python"


def _runs_in(venv: Path) -> bool:
    return venv.is_dir() and os.path.samefile(sys.prefix, venv)


def _in_foreign_venv() -> bool:
    return sys.prefix != sys.base_prefix


def missing_packages() -> list[str]:
    """Names that pyproject.toml asks for and the running interpreter does not have."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *groups["embedded"], *groups["dev"]]
    lines = [line for line in wanted if isinstance(line, str)]  # a group may include another
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in lines]
    return [name for name in names if not _has_distribution(name)]


def _has_distribution(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def is_installed() -> bool:
    """Whether `.venv` was made from the lock of today, by the Python that is in it today."""
    if not (os.access(_venv_python(), os.X_OK) and STAMP.exists()):
        return False
    digest, version = STAMP.read_text().split()
    # An upgrade of the system's Python empties `.venv`; only the interpreter inside can tell.
    return digest == _lock_digest() and (not _runs_in(VENV) or version == _python_version())


def _lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def install() -> None:
    """Make or renew `.venv`, unless another process has just done it."""
    with _one_at_a_time():
        if is_installed():
            return
        STAMP.unlink(missing_ok=True)
        if not _runs_in(VENV) and _in_foreign_venv():
            count = len(missing_packages())
            _say(f"The active environment lacks {count} packages; it stays as it is.")
        _say(f"Installing the packages of {LOCK.name} into {VENV} (once; about a minute) ...")
        if not (_install_with_uv() or _install_with_pip()):
            raise SystemExit(f"The installation into {VENV} failed; the lines above tell why.")
        STAMP.write_text(f"{_lock_digest()} {_python_version()}\n")


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    with LOCK.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install_with_uv() -> bool:
    uv = shutil.which("uv")
    if uv is None or not _run([uv, "--version"], quiet=True):
        return False
    target = ["--python", str(_venv_python())]
    venv = [uv, "venv", "--quiet", "--clear", "--python", _base_python(), str(VENV)]
    made = _keep_venv() or _run(venv)
    flags = ["--quiet", "--require-hashes", "--only-binary", ":all:"]
    if made and _run([uv, "pip", "sync", *flags, *target, str(LOCK)]):
        return True
    _say("uv could not install them; trying pip ...")
    return False


def _install_with_pip() -> bool:
    if not _has_pip():
        if not _run([_base_python(), "-c", "import venv, ensurepip"], quiet=True):
            raise SystemExit(NO_VENV)
        if not _run([_base_python(), "-m", "venv", "--clear", str(VENV)]):
            return False
    pip = [str(_venv_python()), "-m", "pip", "install", "-qq", "--no-input"]
    # Modules are compiled when they are first imported: most never are.
    flags = ["--disable-pip-version-check", "--no-compile", "--no-deps", "--require-hashes"]
    return _run([*pip, *flags, "--only-binary", ":all:", "-r", str(LOCK)])


def _keep_venv() -> bool:
    """A `.venv` that works is brought up to date; one that is broken is made anew."""
    return os.access(_venv_python(), os.X_OK) and _run([str(_venv_python()), "-c", ""], quiet=True)


def _has_pip() -> bool:
    return _keep_venv() and _run([str(_venv_python()), "-c", "import pip"], quiet=True)


def _base_python() -> str:
    """The interpreter under an active virtual environment, so that ours never rests on theirs."""
    return getattr(sys, "_base_executable", None) or sys.executable


def _run(command: list[str], *, quiet: bool = False) -> bool:
    # Output goes to stderr: the output of `status --json` must stay JSON on a first start too.
    sink = subprocess.DEVNULL if quiet else sys.stderr
    return subprocess.run(command, cwd=ROOT, stdout=sink, stderr=sink, check=False).returncode == 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
