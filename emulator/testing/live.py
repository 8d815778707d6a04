"""The environments that run in this process, and who wants to hear of deaths in them: how the plugin is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.testing.journal import Death
    from emulator.testing.lifecycle import Lifecycle

_lock = threading.Lock()
_environments: list[Lifecycle] = []
_listeners: list[Callable[[Lifecycle, Death], None]] = []


def add(environment: Lifecycle) -> None:
    with _lock:
        _environments.append(environment)


def remove(environment: Lifecycle) -> None:
    with _lock:
        if environment in _environments:
            _environments.remove(environment)


def environments() -> list[Lifecycle]:
    """Those that are up or coming up, oldest first."""
    with _lock:
        return list(_environments)


def listen(listener: Callable[[Lifecycle, Death], None]) -> None:
    """`listener` is called, in a thread of the environment's, for every death that was not expected."""
    with _lock:
        _listeners.append(listener)


def died(environment: Lifecycle, death: Death) -> None:
    with _lock:
        listeners = list(_listeners)
    for listener in listeners:
        listener(environment, death)
