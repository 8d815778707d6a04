"""What should run, as a file on the agent's volume: a restarted agent goes on from there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from emulator.errors import TaskError
from emulator.model import from_json, to_json
from emulator.runtime.state.desired import DesiredState
from emulator.runtime.state.names import Names


class StateFile:
    """Replaced whole, so that it is there at any time. Whatever is written needs room for both versions."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> DesiredState:
        """What was written last."""
        return from_json(DesiredState, self.path.read_bytes())

    def write(self, state: DesiredState) -> None:
        """Replaces the file. Raises `TaskError` where it cannot, which leaves the one that is there."""
        outcome = "the agent goes on, and tries again"
        with self._written(".new", state, outcome) as new, _explained(state, outcome):
            os.replace(new, self.path)

    @contextlib.contextmanager
    def ahead(self, state: DesiredState) -> Iterator[Path]:
        """Within this block the state is written beside the file, and only has to be moved: `keep` does that.

        Raises `TaskError` where there is no room, before anything is done that could not be written down afterwards.
        """
        with self._written(".next", state, "nothing was changed") as new:
            yield new

    def keep(self, new: Path, state: DesiredState) -> None:
        """Makes what was written ahead the file. Raises `TaskError`."""
        with _explained(state, "the deployment is rolled back"):
            os.replace(new, self.path)

    @contextlib.contextmanager
    def _written(self, suffix: str, state: DesiredState, outcome: str) -> Iterator[Path]:
        new = self.path.with_suffix(suffix)
        try:
            with _explained(state, outcome):
                new.write_bytes(to_json(state))
            yield new
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)  # half a file would take the room that the next one needs


@contextlib.contextmanager
def _explained(state: DesiredState, outcome: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        volume = Names(state.app, state.environment).state_volume
        raise TaskError(
            f"what should run cannot be written to the volume {volume}: {error.strerror}; {outcome}",
            hint="`docker system df` shows what takes the room on the disk of the Docker daemon",
        ) from error
