"""Integration tests of Copilot services: a Python API, and a pytest plugin with the fixtures.

    from copilot_local.testing import Environment

    with Environment("examples/nginx-sidecar") as environment:
        assert environment.http.get("/api/orders").status_code == 200

The plugin (`copilot_environment` and others) needs no import: pytest finds it. docs/reference/testing.md describes it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.app.tracing.tracer import Traced
    from emulator.testing.asynchronous import AsyncEnvironment
    from emulator.testing.environment import Environment
    from emulator.testing.observation.journal import Death, LogLine
    from emulator.testing.observation.records import RoutedRecord
    from emulator.testing.results import CommandResult, QueueMessage
    from emulator.testing.service import ServiceHandle
    from emulator.testing.traces import Trace

__all__ = [
    "AsyncEnvironment",
    "CommandResult",
    "Death",
    "Environment",
    "LogLine",
    "QueueMessage",
    "RoutedRecord",
    "ServiceHandle",
    "Trace",
    "Traced",
]

_HOMES = {
    "AsyncEnvironment": "asynchronous",
    "CommandResult": "results",
    "Death": "observation.journal",
    "Environment": "environment",
    "LogLine": "observation.journal",
    "QueueMessage": "results",
    "RoutedRecord": "observation.records",
    "ServiceHandle": "service",
    "Trace": "traces",
    "Traced": "environment",
}


def __getattr__(name: str) -> Any:
    # Every pytest on the machine imports this package on its way to the plugin: the rest waits until it is used.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
