"""The environments that are up in this process, and who wants to hear of deaths in them: how the plugin is told."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.testing.lifecycle import Lifecycle
    from emulator.testing.observation.journal import Death

_lock = threading.Lock()
_up: list[Lifecycle] = []
_ended: deque[Lifecycle] = deque(maxlen=8)
_listeners: list[Callable[[Lifecycle, Death], None]] = []


def add(environment: Lifecycle) -> None:
    """It is up, or comes up."""
    with _lock:
        _up.append(environment)


def remove(environment: Lifecycle) -> None:
    """It goes down, or did not come up."""
    with _lock:
        if environment in _up:
            _up.remove(environment)
            _ended.append(environment)


def environments() -> list[Lifecycle]:
    """Those that are up or come up, oldest first."""
    with _lock:
        return list(_up)


def ended() -> list[Lifecycle]:
    """The last ones that went down or did not come up, since `forget_ended`."""
    with _lock:
        return list(_ended)


def forget_ended() -> None:
    """Empties what `ended` returns: a test that begins is not told of what others left."""
    with _lock:
        _ended.clear()


def listen(listener: Callable[[Lifecycle, Death], None]) -> None:
    """`listener` is called, in a thread of the environment's, for every death that was not expected."""
    with _lock:
        _listeners.append(listener)


def leave(listener: Callable[[Lifecycle, Death], None]) -> None:
    """Takes back `listen`. Raises ValueError for a listener that is not there."""
    with _lock:
        _listeners.remove(listener)


def died(environment: Lifecycle, death: Death) -> None:
    """Tells the listeners."""
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        listener(environment, death)
