"""What a test gives an environment, checked as the command line checks it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from emulator.errors import UsageError
from emulator.model import InvalidData, from_plain
from emulator.settings import Settings, TimeSettings
from emulator.spelling import did_you_mean

_TIMINGS = ("local", "ecs")


def check_options(options: object, takes: Callable[..., Any]) -> None:
    """Raises UsageError for what is no dictionary of arguments that `takes` has."""
    if not isinstance(options, Mapping):
        raise UsageError(
            f"the fixture copilot_options gives no dictionary, but {options!r}", hint="return what Environment takes"
        )
    known = [name for name in inspect.signature(takes).parameters if name not in ("self", "workspace")]
    for name in options:
        if name not in known:
            raise UsageError(
                f"copilot_options: Environment takes no {name}", hint=did_you_mean(str(name), known, "it takes")
            )


def known_timing(timing: str) -> str:
    """Raises UsageError for one that there is not."""
    if timing not in _TIMINGS:
        raise UsageError(f"timing is {' or '.join(_TIMINGS)}, not {timing!r}")
    return timing


def with_times(settings: Settings, times: Mapping[str, int]) -> Settings:
    """The settings with other values in `[time]`. Raises UsageError for what `[time]` does not take."""
    try:
        changed = from_plain(TimeSettings, {**settings.time.model_dump(), **times})
    except InvalidData as error:
        raise UsageError(
            f"time: {error}", hint="it takes the keys of [time]: `copilot-local reference settings`"
        ) from None
    return settings.model_copy(update={"time": changed})
