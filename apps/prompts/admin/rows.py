"""Rows of a list edited without JavaScript: messages and variables as plain inputs.

Each field's value is a list of rows as typed; `clean` turns them into what the model stores and
tells all faults at once. Three empty rows are always there to be filled.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.core import strict_json
from apps.prompts.variables import KINDS

BLANK = 3
ROWS = 200  # read from one request; more than a prompt may have
PLACEHOLDER = "placeholder"
ROLES = ("system", "user", "assistant", PLACEHOLDER)
VARIABLE_KEYS = (
    "name",
    "type",
    "required",
    "default",
    "max_length",
    "trust",
    "sensitivity",
    "sample",
    "description",
)

Row = dict[str, str]


class RowsWidget(forms.Widget):
    """Inputs named `<field>-<row>-<key>`."""

    keys: tuple[str, ...]
    choices: Mapping[str, tuple[str, ...]] = {}

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Row]:
        count = data.get(f"{name}-count", "")
        rows = min(int(count), ROWS) if count.isascii() and count.isdigit() else 0
        return [
            {key: data.get(f"{name}-{index}-{key}", "") for key in self.keys}
            for index in range(rows)
        ]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-count" not in data

    def id_for_label(self, id_: str | None, index: str | None = None) -> str:
        return ""  # a group of inputs: each has a label of its own

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        rows = [*(value or []), *({} for _ in range(BLANK))]
        context = super().get_context(name, value, attrs)
        context["rows"] = [
            {key: row.get(key, "") for key in self.keys} | {"index": index, "number": index + 1}
            for index, row in enumerate(rows)
        ]
        context["count"] = len(rows)
        context["choices"] = self.choices
        return context


class MessagesWidget(RowsWidget):
    template_name = "admin/prompts/messages_widget.html"
    keys = ("position", "role", "content")
    choices = {"role": ROLES}


class VariablesWidget(RowsWidget):
    template_name = "admin/prompts/variables_widget.html"
    keys = VARIABLE_KEYS
    choices = {
        "type": tuple(KINDS),
        "trust": ("author", "service", "end_user"),
        "sensitivity": ("none", "personal", "secret"),
    }


class MessagesField(forms.Field):
    """Messages in order of their position; a row without text is left out."""

    widget = MessagesWidget

    def prepare_value(self, value: Any) -> Any:
        return [_message_row(*item) for item in enumerate(_list(value), 1)]

    def clean(self, value: list[Row]) -> list[dict[str, str]]:
        filled = [row for row in value if row["content"].strip()]
        return [_message(row) for row in sorted(filled, key=_position)]


class VariablesField(forms.Field):
    """Declarations by name; a row without a name is left out."""

    widget = VariablesWidget

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, Mapping):
            return [_variable_row(name, value[name]) for name in sorted(value)]
        return [row for row in _list(value) if isinstance(row, Mapping)]

    def clean(self, value: list[Row]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        faults: list[str] = []
        for row in value:
            name = row["name"].strip()
            if not name:
                continue
            if name in found:
                faults.append(f"“{name[:100]}” is declared twice.")
            found[name] = dict(_declaration(name, row, faults))
        if faults:
            raise ValidationError(faults)
        return found


class StrictJSONField(forms.CharField):
    """One JSON object, or one list, read strictly. Empty is `empty`."""

    widget = forms.Textarea

    def __init__(self, *, empty: Any, kind: type[dict[Any, Any] | list[Any]] = dict, **kwargs: Any):
        self.empty, self.kind = empty, kind
        super().__init__(required=False, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return value
        return json_text(value) if value else ""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return self.empty
        found = _loads(text)
        if not isinstance(found, self.kind):
            form = "object: {…}" if self.kind is dict else "list: […]"
            raise ValidationError(f"Must be one JSON {form}.")
        return found


def _list(value: Any) -> list[Any]:
    """A draft's may be anything."""
    return value if isinstance(value, list) else []


def json_text(value: Any) -> str:
    is_long = isinstance(value, dict | list) and len(str(value)) > 60
    return strict_json.pretty(value, indent=is_long)


def _loads(text: str) -> Any:
    try:
        return strict_json.loads(text.encode())
    except (strict_json.InvalidJSON, UnicodeEncodeError) as error:
        raise ValidationError(str(error)) from error


def _position(row: Row) -> float:
    """Where the author wants the message; rows without a number come last, in their order."""
    text = row["position"].strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else float("inf")


def _message_row(number: int, message: Any) -> Row:
    if not isinstance(message, Mapping):
        message = {"content": str(message)}
    if "position" in message:  # as typed: the form is shown again
        return dict(message)
    is_placeholder = PLACEHOLDER in message
    return {
        "position": str(number),
        "role": PLACEHOLDER if is_placeholder else str(message.get("role", "")),
        "content": str(message.get(PLACEHOLDER if is_placeholder else "content", "")),
    }


def _message(row: Row) -> dict[str, str]:
    if row["role"] == PLACEHOLDER:
        return {PLACEHOLDER: row["content"].strip()}
    # Browsers send CR LF for each line break; the model should see what was typed.
    return {"role": row["role"], "content": row["content"].replace("\r\n", "\n")}


def _variable_row(name: str, declaration: Any) -> Row:
    given = declaration if isinstance(declaration, Mapping) else {}
    row = {key: str(given[key]) for key in VARIABLE_KEYS if given.get(key) is not None}
    for key in ("default", "sample"):
        if given.get(key) is not None and not isinstance(given[key], str):
            row[key] = json_text(given[key])
    return row | {"name": name, "required": "on" if given.get("required", True) else ""}


def _declaration(name: str, row: Row, faults: list[str]) -> Iterator[tuple[str, Any]]:
    yield "type", row["type"] or "string"
    yield "required", bool(row["required"])
    for key in ("trust", "sensitivity"):
        if row[key]:
            yield key, row[key]
    if description := row["description"].strip():
        yield "description", description
    if length := row["max_length"].strip():
        yield "max_length", _length(name, length, faults)
    for key in ("default", "sample"):
        if row[key].strip():
            yield key, _typed(name, key, row, faults)


def _length(name: str, text: str, faults: list[str]) -> int | None:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    faults.append(f"{name[:100]}: max length must be a whole number.")
    return None


def _typed(name: str, key: str, row: Row, faults: list[str]) -> Any:
    """A string as it stands; a value of any other type is written as JSON."""
    if row["type"] in ("", "string"):
        return row[key].replace("\r\n", "\n")
    try:
        return _loads(row[key])
    except ValidationError as error:
        faults.append(
            f"{name[:100]}: {key} must be JSON, as its type is {row['type']}. {error.message}"
        )
        return None
