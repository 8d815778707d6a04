"""Captures in several namespaces of one environment at once, and what they see together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import CopilotLocalError
from emulator.trace.container import CaptureContainer
from emulator.trace.requests.exchange import Exchange
from emulator.trace.requests.hops import Identity, Place, identity

_AT_ONCE = 8
MakeSpec = Callable[[Place], ContainerSpec]


@dataclass(frozen=True, slots=True)
class Account:
    """How much was seen, and how much was not."""

    packets: int = 0
    lost: int = 0
    """Packets that the kernel dropped."""
    missing: int = 0
    """Bytes that were confirmed by their receiver and not seen."""
    unreadable: int = 0
    """Connections that a capture gave up because of an error of ours."""
    ended_early: int = 0
    """Captures that ended before they were told to."""

    @property
    def complete(self) -> bool:
        """Everything was seen."""
        return not (self.lost or self.missing or self.unreadable or self.ended_early)

    def __str__(self) -> str:
        said = [f"{self.lost} packets and {self.missing} bytes were not seen"] if self.lost or self.missing else []
        if self.unreadable:
            said.append(f"{self.unreadable} connections could not be read")
        if self.ended_early:
            said.append(f"{self.ended_early} captures ended early")
        return ", ".join(said) or "everything was seen"


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
        """Captures in these namespaces too, again where a capture has ended; returns when all do. Raises what the first
        that cannot begin raised."""
        for place in places:
            capture = self._captures.get(place.container)
            if capture is not None and not capture.running:
                self._finish(self._captures.pop(place.container), expected=False)
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
            self._finish(self._captures.pop(container), expected=True)

    @property
    def account(self) -> Account:
        """What the captures that have ended saw."""
        with self._lock:
            return self._counted

    def seen(self) -> list[tuple[Place, Exchange]]:
        """Everything so far."""
        with self._lock:
            return list(self._seen)

    def until(self) -> float:
        """The time up to which all captures have told everything."""
        return min((capture.until for capture in self._captures.values() if capture.running), default=0.0)

    def forget(self, keys: Collection[Identity]) -> None:
        """Drops all accounts of these exchanges."""
        with self._lock:
            self._seen = [pair for pair in self._seen if identity(*pair) not in keys]

    def end(self) -> Account:
        """Ends all captures; what they had not told yet is in `seen` then."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda capture: self._finish(capture, expected=False), self._captures.values()))
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

    def _finish(self, capture: CaptureContainer, *, expected: bool) -> None:
        """`expected`: it may have ended before, since its task has."""
        capture.end()
        found = capture.finished
        with self._lock:
            before = self._counted
            if found is None:
                self._counted = replace(before, ended_early=before.ended_early + (not expected))
            else:
                self._counted = replace(
                    before,
                    packets=before.packets + found.packets,
                    lost=before.lost + found.lost,
                    missing=before.missing + found.missing,
                    unreadable=before.unreadable + found.unreadable,
                )


def _close(capture: CaptureContainer) -> None:
    with contextlib.suppress(CopilotLocalError):  # its own time limit ends it, and `down` removes it
        capture.close()
