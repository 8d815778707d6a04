"""Integration tests of Copilot services: the Python API that docs/reference/testing.md describes.

    from copilot_local.testing import Environment

    with Environment("examples/nginx-sidecar") as environment:
        assert environment.http.get("/api/orders").status_code == 200

The pytest plugin (`copilot_environment` and others) needs no import: pytest finds it.
"""

from emulator.testing import (
    AsyncEnvironment,
    CommandResult,
    Death,
    Environment,
    LogLine,
    QueueMessage,
    RoutedRecord,
    ServiceHandle,
    Trace,
    Traced,
)

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
