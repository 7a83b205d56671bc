"""A schema that others wrote makes us call nobody and read nothing, and cannot hang."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from apps.core.json_schema import MOST_PARTS, BadSchema, schema_validator
from apps.gateway.parameters import chat_faults, message_faults, schema_faults
from apps.prompts.validation import shape


class Listener(HTTPServer):
    """Says that anything is a schema, and notes who asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    server = Listener()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


SHAPES = (
    {"$ref": "ADDRESS"},
    {"properties": {"a": {"$ref": "ADDRESS"}}},
    {"$id": "ADDRESS", "$ref": "other.json"},
    {"$schema": "ADDRESS"},
    {"$defs": {"a": {"$id": "ADDRESS", "$dynamicRef": "more#x"}}, "$ref": "#/$defs/a"},
)


def filled(shape: Any, address: str) -> Any:
    if isinstance(shape, dict):
        return {key: filled(value, address) for key, value in shape.items()}
    return address if shape == "ADDRESS" else shape


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_address_is_called(listener, shape, linear):
    with pytest.raises(BadSchema):
        schema_validator(filled(shape, f"http://127.0.0.1:{listener.server_port}/x"), linear=linear)

    assert listener.asked == []


def test_no_file_is_read(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text("{}")

    with pytest.raises(BadSchema, match="only to its own parts"):
        schema_validator({"$ref": path.as_uri()}, linear=True)


@pytest.mark.parametrize("check", [schema_faults, shape.schema_faults])
def test_every_door_says_so(listener, check):
    (fault,) = check({"$ref": f"http://127.0.0.1:{listener.server_port}/x"})

    assert (fault.code, listener.asked) == ("bad_schema", [])
    assert "only to its own parts" in fault.detail


def test_its_own_parts_and_known_dialects_are_fine():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"name": {"type": "string"}},
        "properties": {"a": {"$ref": "#/$defs/name"}},
    }

    assert not schema_validator(schema, linear=True).is_valid({"a": 1})


def test_a_pattern_that_could_take_for_ever_is_refused_where_values_are_checked():
    schema = {"pattern": r"^(a+)+\1$"}

    with pytest.raises(BadSchema):
        schema_validator(schema, linear=True)
    schema_validator(schema, linear=False)


def test_a_pattern_without_back_references_is_linear():
    check = schema_validator({"pattern": "^(a+)+$"}, linear=True)

    assert not check.is_valid("a" * 100_000 + "b")


@pytest.mark.parametrize("schema", [{"type": 5}, {"pattern": "("}])
def test_what_is_no_schema(schema):
    with pytest.raises(BadSchema, match="Not a JSON Schema"):
        schema_validator(schema, linear=False)


def doubling(levels: int, **more: Any) -> dict[str, Any]:
    """A line for each level; what the first one says is checked 2^levels times."""
    twice = {f"d{n}": {"allOf": 2 * [{"$ref": f"#/$defs/d{n + 1}"}], **more} for n in range(levels)}
    return {"$ref": "#/%24defs/d0", "$defs": twice | {f"d{levels}": {"type": "string"}}}


AGAIN = {"items": {"$ref": "#"}}
HIDDEN = {"properties": {"definitions": {"items": {"anyOf": [{"const": n} for n in range(3000)]}}}}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "schema",
    [
        doubling(40),
        HIDDEN,
        {"anyOf": [AGAIN, AGAIN, {"type": "string"}]},
        {"$ref": "#a", "$defs": {"a": {"$anchor": "a", "allOf": 2 * [{"$ref": "#a"}]}}},
        {
            "$defs": {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(900)},
            "$ref": "#/$defs/d0",
        },
    ],
)
def test_what_may_check_a_value_without_end_checks_none(schema):
    with pytest.raises(BadSchema, match="This JSON Schema"):
        schema_validator(schema, linear=True)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"pattern": rf"\pL{{{100 + n}}}"} for n in range(300)]},
        {"patternProperties": {rf"\pL{{{100 + n}}}": True for n in range(300)}},
        doubling(40, unevaluatedProperties=False),
    ],
)
@pytest.mark.parametrize("linear", [True, False])
def test_what_is_read_without_end_is_refused(schema, linear):
    with pytest.raises(BadSchema, match="This JSON Schema"):
        schema_validator(schema, linear=linear)


def test_a_tree_and_usual_patterns_are_checked():
    uuid = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
    node = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "pattern": uuid},
            "day": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "additionalProperties": False,
    }
    check = schema_validator({"$ref": "#/$defs/node", "$defs": {"node": node}}, linear=True)

    assert check.is_valid({"day": "2026-11-27", "children": [{"children": []}]})
    assert not check.is_valid({"children": [{"children": [{"day": "today"}]}]})


def test_every_fault_of_a_value_is_told_at_once():
    pointers = {fault.pointer for fault in message_faults(({}, {"role": "user"}, {"role": "x"}))}
    assert pointers == {"/messages/0", "/messages/1", "/messages/2/role"}


@pytest.mark.parametrize(
    "faults",
    [
        lambda many: chat_faults({"tools": [1] * many}),
        lambda many: chat_faults({"stop": [1] * many}),
        lambda many: message_faults(({},) * many),
        lambda many: message_faults(
            ({"role": "assistant", **dict.fromkeys(map(str, range(many)))},)
        ),
        lambda many: shape.messages_faults([1] * many),
        lambda many: list(
            shape.variables_faults(
                {"a": {"type": "string"}, **dict.fromkeys(map(str, range(many)))}
            )
        ),
    ],
)
def test_a_flood_of_faults_holds_nobody_up(faults):
    """The library made all of 300,000 before it gave out one: the gateway answered nobody."""
    assert len(faults(20 * MOST_PARTS)) == 1
