"""The Batch API of the fake upstream: files, batches, and what can go wrong with either.

All batches go one step further whenever one is looked at. What it ran, and so would bill, stands in
the report: the independent witness of what a test really bought.
"""

import itertools
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from tests.fakes import answers


@dataclass(slots=True)
class BatchRules:
    """`faults`: what becomes of the next requests of a kind (upload, create, list, get, cancel,
    content, delete), one after the other: a status, `reset` (not done, no answer), `lost` (done,
    no answer), `hang` and `silent` (the same, but the connection stays), `html` or None (all is
    well).

    `looks`: how many steps a batch goes before it ends as `end`; None: never. `run`: how many of
    its requests it runs at most. `rows`: what goes wrong with the nth: `missing`, `garbage`,
    `repeated`, `no_usage`, `mismatch`, `no_choices`, `expired` or a status.
    `counts`: whether it tells how many it ran.
    """

    faults: dict[str, list[Any]] = field(default_factory=dict)
    looks: int | None = 1
    end: str = "completed"
    run: int | None = None
    rows: dict[str, Any] = field(default_factory=dict)
    counts: bool = True


@dataclass(slots=True)
class FakeBatch:
    id: str
    input_file_id: str
    metadata: dict[str, str]
    status: str = "validating"
    output_file_id: str | None = None
    error_file_id: str | None = None
    ran: dict[str, Any] = field(default_factory=dict)
    """Custom id → usage, of what it would bill."""
    looked: int = 0
    total: int = 0
    failed: int = 0


class BatchStore:
    def __init__(self) -> None:
        self.rules = BatchRules()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, FakeBatch] = {}
        self.asked: list[str] = []
        self._numbers = itertools.count(1)

    def report(self) -> dict[str, Any]:
        return {
            "batches": [asdict(batch) for batch in self.batches.values()],
            "files": sorted(self.files),
            "asked": self.asked,
        }

    def next_fault(self, kind: str) -> Any:
        self.asked.append(kind)
        waiting = self.rules.faults.get(kind)
        return waiting.pop(0) if waiting else None

    def upload(self, content_type: str, body: bytes) -> tuple[int, Any]:
        boundary = content_type.partition("boundary=")[2].strip('"').encode()
        parts = [part for part in body.split(b"--" + boundary) if b'name="file"' in part]
        if not parts:
            return 400, _error("No file.")
        name = f"file-{next(self._numbers)}"
        self.files[name] = parts[0].partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        return 200, {"id": name, "object": "file", "purpose": "batch", "bytes": 1, "created_at": 1}

    def content(self, name: str) -> tuple[int, Any]:
        found = self.files.get(name)
        return (200, found) if found is not None else (404, _error("No such file."))

    def delete(self, name: str) -> tuple[int, Any]:
        if self.files.pop(name, None) is None:
            return 404, _error("No such file.")
        return 200, {"id": name, "object": "file", "deleted": True}

    def create(self, body: dict[str, Any]) -> tuple[int, Any]:
        if body.get("input_file_id") not in self.files:
            return 400, _error("The input file does not exist.")
        name = f"batch_{next(self._numbers)}"
        batch = FakeBatch(name, body["input_file_id"], body.get("metadata") or {})
        self.batches[name] = batch
        return 200, self._told(batch)

    def listed(self) -> tuple[int, Any]:
        data = [self._told(batch) for batch in reversed(self.batches.values())]
        return 200, {"object": "list", "data": data, "has_more": False}

    def get(self, name: str) -> tuple[int, Any]:
        batch = self.batches.get(name)
        if batch is None:
            return 404, _error("No such batch.")
        for one in self.batches.values():  # also those that nobody knows of
            self._step(one)
        return 200, self._told(batch)

    def cancel(self, name: str) -> tuple[int, Any]:
        batch = self.batches.get(name)
        if batch is None:
            return 404, _error("No such batch.")
        if batch.status in ("validating", "in_progress"):
            batch.status = "cancelling"
        return 200, self._told(batch)

    def _step(self, batch: FakeBatch) -> None:
        batch.looked += 1
        if batch.status == "cancelling":
            self._end(batch, "cancelled")
        elif batch.status in ("validating", "in_progress"):
            batch.status = "in_progress"
            if self.rules.looks is not None and batch.looked > self.rules.looks:
                self._end(batch, self.rules.end)

    def _end(self, batch: FakeBatch, status: str) -> None:
        batch.status = status
        source = self.files.get(batch.input_file_id)
        if source is None:
            batch.status = "failed"
        if batch.status == "failed" or source is None:
            return
        requests = [orjson.loads(line) for line in source.splitlines()]
        limit = len(requests) if self.rules.run is None else self.rules.run
        good: list[bytes] = []
        bad: list[bytes] = []
        batch.total = len(requests)
        for index, request in enumerate(requests):
            fault = self.rules.rows.get(str(index))
            if index >= limit:
                fault = "expired"
            self._run(batch, request, fault, good, bad)
        for name, lines in (("output", good), ("error", bad)):
            if lines:
                file = f"file-{name}-{next(self._numbers)}"
                self.files[file] = b"\n".join(lines) + b"\n"
                setattr(batch, f"{name}_file_id", file)

    def _run(
        self, batch: FakeBatch, request: Any, fault: Any, good: list[bytes], bad: list[bytes]
    ) -> None:
        name, body = request["custom_id"], request["body"]
        if fault == "expired" or isinstance(fault, int):
            batch.failed += 1
            bad.append(_refused(name, fault))
            return
        text, finish = answers.reply(body, None)
        message = {"role": "assistant", "content": text, "refusal": None}
        answer = answers.completion(body, number=1, message=message, finish=finish)
        answer["usage"] = batch.ran[name] = answers.usage_of(body, text)
        if fault == "no_usage":
            del answer["usage"]
        elif fault == "mismatch":
            answer["usage"] = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 99}
        elif fault == "no_choices":
            answer["choices"] = []
        response = {"status_code": 200, "request_id": f"req_{name}", "body": answer}
        line = orjson.dumps({"id": "x", "custom_id": name, "response": response, "error": None})
        if fault == "garbage":
            line = line[: len(line) // 2]
        good.extend([] if fault == "missing" else [line, line] if fault == "repeated" else [line])

    def _told(self, batch: FakeBatch) -> dict[str, Any]:
        completed = len(batch.ran)
        counts = {"total": batch.total, "completed": completed, "failed": batch.failed}
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
            "created_at": 1,
            "status": batch.status,
            "input_file_id": batch.input_file_id,
            "output_file_id": batch.output_file_id,
            "error_file_id": batch.error_file_id,
            "metadata": batch.metadata,
            "request_counts": counts if self.rules.counts else None,
        }


def _refused(name: str, fault: Any) -> bytes:
    if fault == "expired":
        error = {"code": "batch_expired", "message": "This request could not be executed."}
        return orjson.dumps({"id": "x", "custom_id": name, "response": None, "error": error})
    response = {"status_code": fault, "request_id": f"req_{name}", "body": _error("Refused.")}
    return orjson.dumps({"id": "x", "custom_id": name, "response": response, "error": None})


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "fake_error", "param": None, "code": None}}
