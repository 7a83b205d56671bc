"""JSON from outside."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core import strict_json

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=20,
)


@given(json_values)
def test_what_we_write_we_read(value):
    assert strict_json.loads(strict_json.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_our_error(body):
    with contextlib.suppress(strict_json.InvalidJSON):
        strict_json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b'"\\ud800"',
        b'{"a": "\\u0000"}',
        b'{"\\u0000": 1}',
        b"\xff\xfe",
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 65 + b"1" + b"}" * 65,
    ],
)
def test_what_cannot_be_kept_is_refused(body):
    with pytest.raises(strict_json.InvalidJSON):
        strict_json.loads(body)


def test_brackets_inside_strings_are_no_depth():
    value = {"text": "[" * 500 + '\\"' + "{" * 500}
    assert strict_json.loads(strict_json.dumps(value)) == value


@pytest.mark.parametrize("write", [strict_json.dumps, strict_json.canonical])
@pytest.mark.parametrize(
    "sent", [b'{"maximum":1e30}', b"[-1e300,[1e20]]", b'{"a":18446744073709551616}']
)
def test_large_numbers_that_postgres_spells_out_are_written_as_they_came(write, sent):
    value = strict_json.loads(sent)
    stored = json.loads(json.dumps(value), parse_float=lambda text: int(float(text)))

    assert stored == value
    assert write(stored) == write(value)
