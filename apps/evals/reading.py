"""Cases from a file: CSV as spreadsheets write it, or a JSON object a line.

CSV: a column a variable, and the columns key, expected, tags and must_pass; `variables.expected`
names a variable of such a name. An empty cell is a value that is not given.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from apps.core import strict_json
from apps.core.faults import Fault
from apps.evals.cases import MAX_CASES, CaseDraft
from apps.prompts.types import Variable

MAX_BYTES = 4 * 1024 * 1024  # of a file
FIELDS = ("key", "expected", "tags", "must_pass")
_PREFIX = "variables."
_YES = {"1", "true", "yes", "y", "x"}
_NO = {"", "0", "false", "no", "n"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the file (from 1): a case, or what is wrong with it."""

    line: int
    case: CaseDraft | None
    faults: tuple[Fault, ...] = ()


def read_cases(text: str, variables: Mapping[str, Variable]) -> list[Row]:
    """Never raises for bad content: each row carries its faults."""
    if len(text.encode()) > MAX_BYTES:
        return [_bad(1, "", f"The file has more than {MAX_BYTES // 1024 // 1024} MB.", "too_long")]
    text = text.removeprefix("\ufeff")
    is_lines = text.lstrip().startswith("{")
    rows = list(_json_rows(text) if is_lines else _csv_rows(text, variables))
    if len(rows) > MAX_CASES:
        detail = f"Has {len(rows):,} cases; a version has at most {MAX_CASES:,}."
        return [_bad(1, "", detail, "too_many")]
    return rows or [_bad(1, "", "There are no cases in it.", "empty")]


def _json_rows(text: str) -> Iterator[Row]:
    for line, raw in enumerate(text.split("\n"), 1):
        if not raw.strip():
            continue
        try:
            value = strict_json.loads(raw.encode(), first_line=line)
        except strict_json.InvalidJSON as error:
            yield _bad(line, "", str(error), "parse_error")
        else:
            yield _json_row(line, value)


def _json_row(line: int, value: Any) -> Row:
    if not isinstance(value, dict) or not isinstance(value.get("variables", {}), dict):
        return _bad(line, "/variables", "Must be an object with an object “variables”.", "type")
    tags, key = value.get("tags", []), value.get("key", "")
    faults = []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        faults.append(Fault("/tags", "Must be a list of words.", "wrong_type"))
    if not isinstance(key, str):
        faults.append(Fault("/key", "Must be a string.", "wrong_type"))
    if not isinstance(value.get("must_pass", False), bool):
        faults.append(Fault("/must_pass", "Must be true or false.", "wrong_type"))
    if faults:
        return Row(line, None, tuple(faults))
    case = CaseDraft(
        variables=value.get("variables", {}),
        expected=value.get("expected"),
        key=key,
        tags=tuple(tags),
        must_pass=value.get("must_pass", False),
        extra=tuple(sorted(value.keys() - {*FIELDS, "variables"})),
    )
    return Row(line, case)


def _csv_rows(text: str, variables: Mapping[str, Variable]) -> Iterator[Row]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield _csv_row(reader.line_num, row, variables)
    except csv.Error as error:
        yield _bad(reader.line_num, "", f"Not valid CSV: {error}.", "parse_error")


def _csv_row(line: int, row: Mapping[str | None, Any], variables: Mapping[str, Variable]) -> Row:
    if None in row:
        return _bad(line, "", "Has more cells than the first line has names.", "too_many_cells")
    cells = {str(name).strip(): cell or "" for name, cell in row.items()}
    fields = {name: cells.pop(name).strip() for name in FIELDS if name in cells}
    values, extra, faults = {}, [], []
    for column, cell in cells.items():
        name = column.removeprefix(_PREFIX)
        if name not in variables:
            extra.append(column)
        elif cell != "":
            try:
                values[name] = _typed(cell, variables[name].type)
            except ValueError as error:
                faults.append(Fault(f"/variables/{name}", str(error), "wrong_type"))
    must_pass = fields.get("must_pass", "").lower()
    if must_pass not in _YES | _NO:
        faults.append(Fault("/must_pass", "Say yes or no.", "wrong_type"))
    if faults:
        return Row(line, None, tuple(faults))
    case = CaseDraft(
        variables=values,
        expected=fields.get("expected") or None,
        key=fields.get("key", ""),
        tags=tuple(tag.strip() for tag in fields.get("tags", "").split(",") if tag.strip()),
        must_pass=must_pass in _YES,
        extra=tuple(extra),
    )
    return Row(line, case)


def _typed(cell: str, kind: str) -> Any:
    """A cell as the variable's type. Raises `ValueError` in words."""
    if kind == "string":
        return cell
    if kind == "boolean":
        if cell.strip().lower() not in _YES | _NO:
            raise ValueError("Say true or false.")
        return cell.strip().lower() in _YES
    try:
        return orjson.loads(cell)
    except orjson.JSONDecodeError as error:
        what = (
            "a number" if kind in ("number", "integer") else f"JSON for a variable of type {kind}"
        )
        raise ValueError(f"Must be {what}, not “{cell[:40]}”.") from error


def _bad(line: int, at: str, detail: str, code: str) -> Row:
    return Row(line, None, (Fault(at, detail, code),))
