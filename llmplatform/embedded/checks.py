"""`manage.py checks`: everything that `.ci/run` asks for beside the tests."""

import sys

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

INTERRUPTED = 130  # Ctrl-C


def run_checks() -> int:
    """Run all of them, whatever fails, and name the failures at the end; 0 when none failed."""
    failed = []
    with throw_away_stack() as environment:
        for name, command in CHECKS.items():
            print(f"\n=== {name} ===", flush=True)
            code = run([sys.executable, *command], environment | DEPLOYED.get(name, {}))
            if code == INTERRUPTED:
                return code
            if code != 0:
                failed.append(name)
    print(f"\nFailed: {', '.join(failed)}." if failed else "\nAll checks passed.")
    return 1 if failed else 0
