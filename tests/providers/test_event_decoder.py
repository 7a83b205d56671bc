import time
from codecs import BOM_UTF8

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.providers.streams import MAX_EVENT_BYTES, EventDecoder


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
    assert decoder.pending == len(b"data: 12345") + len(b"data: 6")


def test_empty_lines_of_data_are_counted_too() -> None:
    decoder = EventDecoder()
    list(decoder.feed(b"data:\n" * 1000))

    assert decoder.pending == 5000
    assert list(decoder.feed(b"\n")) == [b"\n" * 999]
    assert decoder.pending == 0


def test_a_long_line_in_small_pieces_costs_its_length_and_not_its_square() -> None:
    """8 MB in pieces of 512 bytes, as a hostile server may send it: copying what is there for each
    piece would keep the event loop from everybody else for half a minute."""
    decoder, started = EventDecoder(), time.process_time()
    for _ in range(MAX_EVENT_BYTES // 512):
        list(decoder.feed(b"x" * 512))

    assert decoder.pending == MAX_EVENT_BYTES
    assert time.process_time() - started < 2


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=8).map(str.encode)
    ),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
    st.sampled_from([b"", BOM_UTF8]),
    st.lists(st.integers(min_value=1, max_value=9), min_size=1),
)
def test_where_the_network_splits_a_stream_makes_no_difference(
    events: list[bytes], end: bytes, mark: bytes, sizes: list[int]
) -> None:
    whole = mark + b"".join(b"data: " + event + end + end for event in events)
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
