from hypothesis import given, settings
from hypothesis import strategies as st

from apps.providers.streams import EventDecoder


def decode(*pieces: bytes) -> list[bytes]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def test_an_event_ends_with_an_empty_line() -> None:
    assert decode(b"data: one\n\ndata: two\n") == [b"one"]


def test_line_ends_may_be_those_of_windows() -> None:
    assert decode(b"data: one\r\n\r", b"\ndata: two\r\n\r\n") == [b"one", b"two"]


def test_comments_and_other_fields_are_skipped() -> None:
    assert decode(b": ping\n\nevent: x\nid: 1\nretry: 5\ndata: one\n\n") == [b"one"]


def test_several_data_lines_are_one_event() -> None:
    assert decode(b"data: one\ndata:two\n\n") == [b"one\ntwo"]


def test_what_is_not_ended_is_counted() -> None:
    decoder = EventDecoder()

    assert list(decoder.feed(b"data: 12345\ndata: 6")) == []
    assert decoder.pending == 5 + len(b"data: 6")


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8).map(str.encode)
    ),
    st.sampled_from([b"\n", b"\r\n"]),
    st.lists(st.integers(min_value=1, max_value=9), min_size=1),
)
def test_where_the_network_splits_a_stream_makes_no_difference(
    events: list[bytes], end: bytes, sizes: list[int]
) -> None:
    whole = b"".join(b"data: " + event + end + end for event in events)
    pieces = []
    while whole:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(whole[:size])
        whole = whole[size:]

    assert decode(*pieces) == events


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50)))
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    decode(*pieces)
