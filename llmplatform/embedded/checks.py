"""`manage.py checks`: everything that `.ci/run` asks for beside the tests."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from llmplatform.embedded.layout import ROOT
from llmplatform.embedded.testing import run, throw_away_stack

MANAGE = ("-m", "django")
LAYERS = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS: dict[str, tuple[str, ...]] = {
    "lint": ("-m", "ruff", "check", "."),
    "format": ("-m", "ruff", "format", "--check", "."),
    "types": ("-m", "mypy", "apps"),
    "layers": ("-c", LAYERS, "--no-logo"),
    "models have their migrations": (*MANAGE, "makemigrations", "--check", "--dry-run"),
    "migrations can be deployed": ("-m", "llmplatform.embedded.migration_lint"),
    "API schema": (*MANAGE, "spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null"),
    "settings of a deployment": (*MANAGE, "check", "--deploy", "--fail-level", "WARNING"),
}
# Only the embedded mode has insecure settings; what is deployed is checked without it.
DEPLOYED = {"settings of a deployment": {"LLMPLATFORM_EMBEDDED": "0"}}
# The longest, on one core: it runs beside the others and has its say at the end.
BESIDE = "types"

INTERRUPTED = 130  # Ctrl-C


def run_checks() -> int:
    """Run all of them, whatever fails, and name the failures at the end; 0 when none failed."""
    failed = []
    with throw_away_stack() as environment, _started(CHECKS[BESIDE], environment) as result:
        for name, command in CHECKS.items():
            if name != BESIDE:
                print(f"\n=== {name} ===", flush=True)
                code = run([sys.executable, *command], environment | DEPLOYED.get(name, {}))
                if code == INTERRUPTED:
                    return code
                if code != 0:
                    failed.append(name)
        print(f"\n=== {BESIDE} ===", flush=True)
        if result() != 0:
            failed.append(BESIDE)
    print(f"\nFailed: {', '.join(failed)}." if failed else "\nAll checks passed.")
    return 1 if failed else 0


@contextmanager
def _started(command: tuple[str, ...], environment: dict[str, str]) -> Iterator[Callable[[], int]]:
    """Waits for it, prints what it said and returns its exit code; who leaves before ends it."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            [sys.executable, *command],
            env=os.environ | environment,
            cwd=ROOT,
            stdout=said,
            stderr=subprocess.STDOUT,
        ) as process,
    ):

        def result() -> int:
            code = process.wait()
            said.seek(0)
            print(said.read(), end="", flush=True)
            return code

        try:
            yield result
        finally:
            process.terminate()
