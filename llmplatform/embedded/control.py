"""`manage.py down` and `manage.py status`: what is done to a stack from outside."""

import json
import sys
from typing import Any

import psutil

from llmplatform.embedded.layout import DataFolder, Ports, StackError, read_json
from llmplatform.embedded.parts import parts
from llmplatform.embedded.processes import KEEPER, ProcessBook, end_left_overs

DOWN_SECONDS = 90


def down(data: DataFolder) -> int:
    """Stop the stack of this folder, and what is left of one that was killed."""
    book = ProcessBook(data.processes)
    supervisor = book.living().get("up")
    if supervisor is not None:
        supervisor.terminate()
        try:
            supervisor.wait(DOWN_SECONDS)
        except psutil.TimeoutExpired as error:
            text = f"the stack (pid {supervisor.pid}) still runs after {DOWN_SECONDS} s"
            raise StackError(text) from error
    left = end_left_overs(book)
    data.ready.unlink(missing_ok=True)
    print("The stack has stopped." if supervisor or left else f"Nothing runs in {data.path}.")
    return 0


def status(data: DataFolder, *, as_json: bool) -> int:
    """Print whether each process lives and is ready; 0 only when the whole stack is ready."""
    report = _report(data)
    if as_json:
        json.dump(report, sys.stdout, indent=2)
        print()
    else:
        _print_table(report)
    return 0 if report["ready"] else 1


def _report(data: DataFolder) -> dict[str, Any]:
    records, living = ProcessBook(data.processes).records(), ProcessBook(data.processes).living()
    probes = _probes(data) if "up" in living else {}
    rows = {}
    for name, record in records.items():
        if not name.endswith(KEEPER):
            alive = name in living
            ready = alive and (name not in probes or probes[name]())
            rows[name] = {"pid": record.pid, "alive": alive, "ready": ready}
    return {
        "running": "up" in living,
        "ready": data.ready.exists() and bool(rows) and all(row["ready"] for row in rows.values()),
        "processes": rows,
    }


def _probes(data: DataFolder) -> dict[str, Any]:
    stack = read_json(data.stack)
    expected = parts(
        ports=Ports(stack["port_base"]),
        data=data,
        redis_url=stack["environment"]["REDIS_URL"],
        with_model=stack["with_model"],
    )
    return {part.name: part.probe for part in expected}


def _print_table(report: dict[str, Any]) -> None:
    if not report["processes"]:
        print("Nothing runs.")
    for name, row in report["processes"].items():
        state = "ready" if row["ready"] else "starting" if row["alive"] else "dead"
        print(f"{name:<12} {row['pid']:>8}  {state}")
