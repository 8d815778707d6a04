"""A direction of a connection comes out in order, each byte once, however its segments come."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from emulator.trace.packets.stream import HalfStream, distance


@st.composite
def cuttings(draw: st.DrawFn) -> tuple[int, bytes, list[tuple[int, bytes]]]:
    """A start, bytes, and pieces that cover them in any order, some of them twice or overlapping."""
    start = draw(st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 60, 2**32 - 1)))
    data = draw(st.binary(min_size=1, max_size=120))
    cuts = sorted({0, len(data), *draw(st.lists(st.integers(0, len(data)), max_size=8))})
    pieces = [(a, data[a:b]) for a, b in itertools.pairwise(cuts)]
    extra = draw(st.lists(st.tuples(st.integers(0, len(data) - 1), st.integers(1, 40)), max_size=5))
    pieces += [(at, data[at : at + size]) for at, size in extra]
    return start, data, draw(st.permutations(pieces))


@given(cuttings())
def test_pieces_in_any_order_with_repeats_give_the_bytes_once(case: tuple[int, bytes, list[tuple[int, bytes]]]) -> None:
    start, data, pieces = case
    half = HalfStream(start)
    assert b"".join(half.feed((start + at) % 2**32, piece) for at, piece in pieces) == data
    assert half.lacks((start + len(data)) % 2**32) == 0


def test_sequence_numbers_wrap() -> None:
    assert distance(2**32 - 1, 1) == 2
    assert distance(1, 2**32 - 1) == -2


def test_what_was_confirmed_and_not_seen_is_counted_and_skipped() -> None:
    half = HalfStream(100)
    assert half.feed(100, b"abc") == b"abc"
    assert half.feed(110, b"xyz") == b""
    assert half.lacks(113) == 10
    assert half.skip(113) == 7
    assert half.feed(110, b"xyz") == b"xyz"  # sent again
    assert half.lacks(113) == 0


def test_the_end_itself_is_no_byte() -> None:
    half = HalfStream(100)
    half.ends_at(103)
    before = half.ended
    half.feed(100, b"abc")
    assert (before, half.ended) == (False, True)
    assert half.lacks(104) == 0
