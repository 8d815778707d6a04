"""What stands behind the endpoint's port: a program that answers as AWS does, or another endpoint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.aws.asgi import Application


@dataclass(frozen=True)
class Driver:
    """One way to answer. Everything else that the endpoint does is plain AWS API calls, and the same for each."""

    application: Application
    """Answers the requests."""
    save: Callable[[], None]
    """Writes down what it holds; raises OSError where it cannot. Does nothing where that is not ours to keep."""
    log_regions: Callable[[], list[str]]
    """The regions that may have log groups, which no call of AWS tells."""
