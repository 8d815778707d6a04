"""`wrk`, which the benchmarks of the front load it with: from the machine's own packages on Debian and Ubuntu."""

from __future__ import annotations

import shutil

from emulator.errors import UsageError
from emulator.events import Emit, Event, EventKind, discard
from emulator.setup import apt, consent

PROGRAM = "wrk"


def ensure_load_generator(emit: Emit = discard) -> bool:
    """Makes sure that `wrk` is there; returns whether it was installed now. UsageError where it cannot be had."""
    if shutil.which(PROGRAM):
        return False
    hint = f"install {PROGRAM}: it is a package of that name in most distributions and in Homebrew"
    if not consent.allowed(f"The benchmarks need {PROGRAM}. Install it?"):
        raise UsageError(f"the benchmarks need {PROGRAM}, which is not installed", hint=hint)
    emit(Event(EventKind.STEP_STARTED, PROGRAM, "installing"))
    result = apt.install([PROGRAM])
    if shutil.which(PROGRAM) is None:
        reason = result.reason() if result is not None else "it is not on the path"
        emit(Event(EventKind.STEP_FAILED, PROGRAM, reason))
        raise UsageError(f"{PROGRAM} could not be installed: {reason}", hint=hint)
    emit(Event(EventKind.STEP_DONE, PROGRAM, "installed"))
    return True
