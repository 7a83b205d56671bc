"""The commands of `manage.py` that Django does not know."""

import argparse
import sys
from pathlib import Path

from llmplatform.embedded.layout import (
    DEFAULT_DATA,
    DEFAULT_PORT_BASE,
    DataFolder,
    Ports,
    StackError,
)


def run(command: str, arguments: list[str]) -> int:
    """Run one of them and return its exit code."""
    try:
        return COMMANDS[command](arguments)
    except StackError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


def _up(arguments: list[str]) -> int:
    from llmplatform.embedded.up import Options, up, up_detached

    parser = _parser("up", "Run the whole product: admin, API, worker, database and a small model.")
    parser.add_argument(
        "--port-base",
        type=int,
        default=DEFAULT_PORT_BASE,
        metavar="N",
        help="the web process listens on N, the gateway on N+1, and five more follow (%(default)s)",
    )
    parser.add_argument(
        "--detach", action="store_true", help="return when it is ready, and leave it running"
    )
    parser.add_argument(
        "--no-model", action="store_true", help="start without the local model and embeddings"
    )
    given = parser.parse_args(arguments)
    options = Options(
        data=_data(given), ports=Ports(given.port_base), with_model=not given.no_model
    )
    return up_detached(options) if given.detach else up(options)


def _down(arguments: list[str]) -> int:
    from llmplatform.embedded.control import down

    parser = _parser("down", "Stop the product that runs in the data folder.")
    return down(_data(parser.parse_args(arguments)))


def _status(arguments: list[str]) -> int:
    from llmplatform.embedded.control import status

    parser = _parser("status", "Tell which process lives and which is ready; 0 when all are.")
    parser.add_argument("--json", action="store_true", help="for scripts")
    given = parser.parse_args(arguments)
    return status(_data(given), as_json=given.json)


def _test(arguments: list[str]) -> int:
    from llmplatform.embedded.testing import run_tests

    return run_tests(arguments)


def _checks(arguments: list[str]) -> int:
    from llmplatform.embedded.checks import run_checks

    text = "Everything but the tests: lint, format, types, layers, migrations, API schema, deploy."
    argparse.ArgumentParser(prog="manage.py checks", description=text).parse_args(arguments)
    return run_checks()


def _parser(command: str, description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"manage.py {command}", description=description)
    parser.add_argument(
        "--data",
        type=Path,
        default=DEFAULT_DATA,
        metavar="DIR",
        help="the folder that keeps database, secrets and logs (%(default)s)",
    )
    return parser


def _data(given: argparse.Namespace) -> DataFolder:
    folder: Path = given.data
    return DataFolder(folder.resolve())


COMMANDS = {"up": _up, "down": _down, "status": _status, "test": _test, "checks": _checks}
