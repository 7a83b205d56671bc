"""A prompt version as one text file, for git: YAML between two lines of dashes, then the messages.

    ---
    slug: product-text
    model: small
    ---
    <<< system >>>
    You write short texts for a shop.
    <<< placeholder history >>>
    <<< user >>>
    Describe {{ product }}.

The form is canonical: equal versions are equal files. A line of a message that begins with `<<<`
gets a backslash before it, and one more where it has some.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from apps.core import strict_json

MOST_CHARS = 1_000_000  # of a file
_MOST_DIGITS = 80  # of a number
_ORDER = (
    "slug", "kind", "name", "description", "owner", "tags", "folder", "on_unknown", "model",
    "parameters", "variables", "response_schema", "tools", "fit", "fragments", "note", "messages",
)  # fmt: skip
HEAD = re.compile(r"^<<< (placeholder )?([A-Za-z_][A-Za-z0-9_]*) >>>$")
_ESCAPED = re.compile(r"^(\\*<<<)")
DASHES = "---\n"
_IDLE: Mapping[str, Any] = {"kind": "task", "on_unknown": "retry"}


class TextFileError(ValueError):
    """The text is no file of a prompt; the message says where and why."""


def write(document: Mapping[str, Any]) -> str:
    """The file of a document of `export_version`; what says nothing is left out."""
    values = {key: document[key] for key in _ORDER if _says_something(key, document.get(key))}
    body = _body(values.get("messages"))
    if body:
        del values["messages"]
    return DASHES + "".join(_entry(key, value) for key, value in values.items()) + DASHES + body


def read(text: str) -> dict[str, Any]:
    """The document of a file. Raises `TextFileError`."""
    if len(text) > MOST_CHARS:
        raise TextFileError(f"Has more than {MOST_CHARS:,} characters.")
    head, body, first_line = parted(text)
    document = _fields(head)
    if body:
        document["messages"] = [*_messages(body, first_line)]
    return document


def parted(text: str) -> tuple[str, str, int]:
    """Fields, messages, and the line where these begin. Raises `TextFileError`."""
    text = _as_written(text)
    if not text.startswith(DASHES):
        raise TextFileError("Line 1: must be `---`, before the fields of the prompt.")
    head, found, body = text[len(DASHES) :].partition("\n" + DASHES)
    if not found:
        raise TextFileError("No second line `---` ends the fields of the prompt.")
    # The line's end also ends a block of text at the end of the fields.
    return head + "\n", body, text.count("\n", 0, len(text) - len(body)) + 1


def read_any(data: bytes) -> dict[str, Any]:
    """The document of such a file, or of one JSON object. Raises `ValueError`."""
    text = decoded(data)
    if not text.lstrip().startswith("{"):
        return read(text)
    document = strict_json.loads(text.encode())
    if not isinstance(document, dict):
        raise TextFileError("Must hold one JSON object.")
    return document


def decoded(data: bytes) -> str:
    """The text of a file. Raises `TextFileError`."""
    try:
        return _as_written(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise TextFileError(f"Is no UTF-8 text: {error.reason}.") from error


def _as_written(text: str) -> str:
    """Editors and git on Windows end every line otherwise, the first one too."""
    return text.replace("\r\n", "\n") if text.startswith("---\r\n") else text


def _says_something(key: str, value: Any) -> bool:
    return value not in (None, "", [], {}) and value != _IDLE.get(key)


def _entry(key: str, value: Any) -> str:
    text: str = yaml.dump(
        {key: value}, Dumper=_Dumper, allow_unicode=True, sort_keys=True, width=2**30
    )
    return text


def _body(messages: Any) -> str:
    """Empty where they have not the shape of messages, as a faulty draft's: then YAML has them."""
    rows = messages if isinstance(messages, list) else ()
    try:
        return "".join(map(_message, rows))
    except _NoMessage:
        return ""


class _NoMessage(Exception):
    pass


def _message(message: Any) -> str:
    match message:
        case {"placeholder": str(name), **others} if not others:
            head, text = f"<<< placeholder {name} >>>", ""
        case {"role": str(role), "content": str(content), **others} if not others:
            lines = (_ESCAPED.sub(r"\\\1", line) for line in content.split("\n"))
            head, text = f"<<< {role} >>>", "\n".join(lines) + "\n"
        case _:
            raise _NoMessage
    if not HEAD.match(head):
        raise _NoMessage
    return f"{head}\n{text}"


def _messages(body: str, first_line: int) -> Iterator[dict[str, str]]:
    lines = body.split("\n")
    if lines[-1] == "":
        lines.pop()
    if not HEAD.match(lines[0]):
        raise TextFileError(f"Line {first_line}: must be the head of a message: <<< user >>>")
    starts = [at for at, line in enumerate(lines) if HEAD.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield _one_message(lines[start], lines[start + 1 : end], first_line + start)


def _one_message(head: str, lines: list[str], number: int) -> dict[str, str]:
    match = HEAD.match(head)
    assert match is not None  # noqa: S101  # the caller looked
    placeholder, name = match.groups()
    if placeholder:
        if any(line.strip() for line in lines):
            raise TextFileError(f"Line {number}: a placeholder has no text.")
        return {"placeholder": name}
    for at, line in enumerate(lines, number + 1):
        if line.startswith("<<<"):
            raise TextFileError(f"Line {at}: write \\<<< for a text that begins with <<<.")
    text = "\n".join(
        line[1:] if line.startswith("\\") and _is_escape(line) else line for line in lines
    )
    return {"role": name, "content": text}


def _is_escape(line: str) -> bool:
    return _ESCAPED.match(line) is not None


def _fields(head: str) -> dict[str, Any]:
    try:
        _refuse_tricks(head)
        fields = yaml.load(head, Loader=_Loader)  # noqa: S506  # a safe loader, made stricter
        strict_json.loads(json.dumps(fields, allow_nan=False).encode())  # is it JSON?
    except TextFileError:
        raise
    except yaml.MarkedYAMLError as error:
        line = f"Line {error.problem_mark.line + 2}: " if error.problem_mark else ""
        raise TextFileError(f"{line}{error.problem or error.context}.") from error
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise TextFileError(f"The fields of the prompt cannot be read: {error}") from error
    if not isinstance(fields, dict):
        raise TextFileError("Between the lines `---` stand fields: `slug: its-name`.")
    return fields


def _refuse_tricks(head: str) -> None:
    """Aliases make a small file stand for a huge one, depth is read in quadratic time, and tags
    make what JSON has not."""
    depth = 0
    for event in yaml.parse(head, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 2 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise TextFileError(f"Line {line}: aliases (*name) cannot be used.")
        if getattr(event, "tag", None) is not None:
            raise TextFileError(f"Line {line}: tags (!name) cannot be used.")
        if depth > strict_json.MAX_DEPTH:
            most = f"more than {strict_json.MAX_DEPTH} levels of nesting"
            raise TextFileError(f"Line {line}: cannot be read: {most}.")


class _Dumper(yaml.CSafeDumper):
    """Texts of several lines as blocks, which diffs show line by line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    lines = text.removesuffix("\n").split("\n")
    block = len(lines) > 1 and all(line.isprintable() and line.strip() == line for line in lines)
    style = "|" if block and lines[0] and lines[-1] else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


class _Loader(yaml.CSafeLoader):
    """JSON's types only: a date is a text; a key is a text and stands once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: set[str] = set()
        for key, _ in node.value:
            name = key.value
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.MarkedYAMLError(
                    problem=f"put the key {name} into quotes", problem_mark=key.start_mark
                )
            if name in keys:
                raise yaml.MarkedYAMLError(
                    problem=f"{name} stands twice", problem_mark=key.start_mark
                )
            keys.add(name)
        return super().construct_mapping(node, deep=deep)


def _number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """1:30 would be 90, and a long one takes half a minute."""
    if ":" in node.value or len(node.value) > _MOST_DIGITS:
        raise yaml.MarkedYAMLError(
            problem=f"put {node.value[:_MOST_DIGITS]} into quotes", problem_mark=node.start_mark
        )
    is_float = node.tag.endswith(":float")
    return loader.construct_yaml_float(node) if is_float else loader.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in pairs if not tag.endswith(":timestamp")]
    for letter, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
