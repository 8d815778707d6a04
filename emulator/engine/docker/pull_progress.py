"""What a pull says of itself, from the daemon's documents: states of layers, and bytes every now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from emulator.engine.docker.client import Json

INTERVAL = 0.25
"""Seconds between two lines about bytes: the daemon sends hundreds of documents a second."""
_DONE = ("Pull complete", "Already exists", "Download complete")


@dataclass(slots=True)
class _Layer:
    status: str = ""
    current: int = 0
    total: int = 0


class PullProgress:
    """Turns documents of one pull into lines."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._layers: dict[str, _Layer] = {}
        self._told = float("-inf")

    def state(self, document: Json) -> str | None:
        """A line where a layer, or the pull, has come to another state."""
        name, status = str(document.get("id") or ""), str(document.get("status") or "").strip()
        layer = self._layers.setdefault(name, _Layer())
        if not status or layer.status == status:
            return None
        layer.status = status
        return f"{name}: {status}" if name else status

    def bytes(self, document: Json) -> str | None:
        """A line about all bytes downloaded so far, unless there was one a moment ago.

        The daemon learns of a layer's size when it begins with it: the total grows.
        """
        layer = self._layers.setdefault(str(document.get("id") or ""), _Layer())
        status = str(document.get("status") or "")
        detail = document.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            layer.current, layer.total = int(detail.get("current") or 0), int(detail["total"])
        elif status in _DONE:
            layer.current = layer.total
        else:
            return None
        sized = [layer for layer in self._layers.values() if layer.total]
        now = self._clock()
        if not sized or now - self._told < INTERVAL:
            return None
        self._told = now
        done = sum(layer.status in _DONE for layer in sized)
        current, total = (sum(getattr(layer, name) for layer in sized) for name in ("current", "total"))
        return f"{current / 1e6:.1f} of {total / 1e6:.1f} MB, {done} of {len(sized)} layers"
