"""What a test gives an environment wrongly is said as on the command line, without a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulator.errors import UsageError
from emulator.settings import Settings
from emulator.testing.arguments import with_times
from emulator.testing.environment import Environment
from emulator.testing.sessions import make


@pytest.mark.parametrize(
    ("options", "told", "hint"),
    [
        ({"servces": ["web"]}, "copilot_options: Environment takes no servces", "did you mean services?"),
        ({"workspace": "."}, "copilot_options: Environment takes no workspace", "it takes: app, "),
        (None, "the fixture copilot_options gives no dictionary, but None", "return what Environment takes"),
        ({"timing": "ECS"}, "timing is local or ecs, not 'ECS'", ""),
    ],
)
def test_options_that_an_environment_does_not_take(tmp_path: Path, options: Any, told: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        make(tmp_path, options, reuse=False, update=False, worker="")
    assert str(caught.value) == told
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ({"stop_timeot": 1}, "time: stop_timeot: "),
        ({"stop_timeout": 500}, "time: stop_timeout: "),
        ({"wait_timeout": "soon"}, "time: wait_timeout: "),
    ],
)
def test_times_that_the_settings_do_not_take(times: Any, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        with_times(Settings(), times)
    assert str(caught.value).startswith(told)


def test_what_it_takes(tmp_path: Path) -> None:
    assert isinstance(make(tmp_path, {"time": {"stop_timeout": 1}}, reuse=False, update=False, worker=""), Environment)
    assert with_times(Settings(), {"stop_timeout": 1}).time.stop_timeout == 1
