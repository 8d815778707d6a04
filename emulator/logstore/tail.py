"""The last ones of each of several streams that come mixed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import count
from typing import TypeVar

T = TypeVar("T")


def last_of_each(items: Iterable[T], number: int, stream: Callable[[T], Hashable]) -> Iterator[T]:
    """Of each stream the last `number` items, in the order in which they come."""
    order = count()
    kept: dict[Hashable, deque[tuple[int, T]]] = {}
    for item in items:
        kept.setdefault(stream(item), deque(maxlen=number)).append((next(order), item))
    for _, item in sorted((entry for some in kept.values() for entry in some), key=lambda entry: entry[0]):
        yield item
