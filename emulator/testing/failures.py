"""The errors that tests see."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.errors import ContainerFailed, TaskError
from emulator.testing.observation.journal import Death

LAST_LINES = 15


def died_of_itself(death: Death) -> ContainerFailed:
    """The error for a death that no test asked for."""
    return ContainerFailed(
        f"{death.summary} while the tests ran",
        container=death.container,
        container_exit_code=death.exit_code,
        output=list(death.lines),
        hint="a test that wants it to exit says so: `with environment.expect_exit(…)`",
    )


def in_vain(what: str, timeout: float, printed: Sequence[str]) -> TaskError:
    """The error for something that did not come, with the last lines of what did."""
    last = "\n  ".join(printed[-LAST_LINES:]) or "(nothing)"
    return TaskError(f"{what} within {timeout:g} s; the last lines:\n  {last}")
