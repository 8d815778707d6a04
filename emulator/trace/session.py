"""Captures in several namespaces of one environment at once, and what they see together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import CopilotLocalError
from emulator.trace.container import CaptureContainer
from emulator.trace.exchange import Exchange
from emulator.trace.hops import Place

_AT_ONCE = 8
MakeSpec = Callable[[Place], ContainerSpec]
Key = tuple[str, str, int, float]


def key_of(exchange: Exchange) -> Key:
    """What an exchange is known by, also where its secrets were taken out."""
    return exchange.client, exchange.server, exchange.sequence, exchange.began


@dataclass(frozen=True, slots=True)
class Account:
    """How much was seen, and how much was not."""

    packets: int = 0
    lost: int = 0
    """Packets that the kernel dropped."""
    missing: int = 0
    """Bytes that were confirmed by their receiver and not seen."""

    def __str__(self) -> str:
        return f"{self.lost} packets and {self.missing} bytes were not seen"


class CaptureSession:
    """Captures in the namespaces of `watch`, until `end` or `close`. Thread-safe."""

    def __init__(self, engine: Engine, make_spec: MakeSpec) -> None:
        self._engine = engine
        self._make_spec = make_spec
        self._lock = threading.Lock()
        self._captures: dict[str, CaptureContainer] = {}
        self._seen: list[tuple[Place, Exchange]] = []
        self._counted = Account()

    def watch(self, places: Sequence[Place]) -> None:
        """Captures in these namespaces too; returns when all do. Raises what the first that cannot begin raised."""
        new = [place for place in places if place.container not in self._captures]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            started = [(place, pool.submit(self._start, place)) for place in new]
        errors = [error for _, future in started if (error := future.exception())]
        for place, future in started:
            if not future.exception():
                self._captures[place.container] = future.result()
        if errors:
            raise errors[0]

    def leave(self, places: Sequence[Place]) -> None:
        """Ends the captures in namespaces that are not among these: their tasks are gone."""
        kept = {place.container for place in places}
        for container in [name for name in self._captures if name not in kept]:
            self._finish(self._captures.pop(container))

    def seen(self) -> list[tuple[Place, Exchange]]:
        """Everything so far."""
        with self._lock:
            return list(self._seen)

    def until(self) -> float:
        """The time up to which all captures have told everything."""
        return min((capture.until for capture in self._captures.values() if capture.running), default=0.0)

    def forget(self, keys: Collection[Key]) -> None:
        """Drops exchanges that nobody needs any more."""
        with self._lock:
            self._seen = [pair for pair in self._seen if key_of(pair[1]) not in keys]

    def end(self) -> Account:
        """Ends all captures; what they had not told yet is in `seen` then."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._finish, self._captures.values()))
        self._captures.clear()
        return self._counted

    def close(self) -> None:
        """Removes what is there, at once."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(_close, self._captures.values()))
        self._captures.clear()

    def _start(self, place: Place) -> CaptureContainer:
        return CaptureContainer(self._engine, self._make_spec(place), lambda exchange: self._add(place, exchange))

    def _add(self, place: Place, exchange: Exchange) -> None:
        with self._lock:
            self._seen.append((place, exchange))

    def _finish(self, capture: CaptureContainer) -> None:
        capture.end()
        found = capture.finished
        if found is not None:
            with self._lock:
                before = self._counted
                self._counted = Account(
                    before.packets + found.packets, before.lost + found.lost, before.missing + found.missing
                )


def _close(capture: CaptureContainer) -> None:
    with contextlib.suppress(CopilotLocalError):  # its own time limit ends it, and `down` removes it
        capture.close()
