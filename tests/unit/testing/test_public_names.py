"""`copilot_local.testing` is the documented API, name for name."""

from __future__ import annotations

import copilot_local
import copilot_local.testing
import emulator
import emulator.testing


def test_it_has_every_name_of_the_api_and_no_other() -> None:
    public = copilot_local.testing.__all__
    assert public == emulator.testing.__all__
    assert [getattr(copilot_local.testing, name) for name in public] == [
        getattr(emulator.testing, name) for name in public
    ]


def test_it_says_its_version() -> None:
    assert copilot_local.__version__ == emulator.__version__
