"""How a command ends badly: every error becomes words on standard error and an exit code; nothing shows a traceback."""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
import sys
import traceback
from collections.abc import Sequence

from emulator import __version__
from emulator.errors import CopilotLocalError, ExitCode


def debugging() -> bool:
    """COPILOT_LOCAL_DEBUG=1 shows tracebacks."""
    return os.environ.get("COPILOT_LOCAL_DEBUG", "") not in ("", "0")


def say(text: str) -> None:
    """Writes to standard error, which may be closed or lead to a full disk: then there is no place left to tell."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def expected(error: CopilotLocalError) -> int:
    """An error that we raised on purpose."""
    from emulator.display.colours import wants_colour
    from emulator.display.failure import render_error

    if debugging():
        say("".join(traceback.format_exception(error)))
    say(render_error(error, colour=wants_colour(sys.stderr)))
    return int(error.exit_code)


def usage(message: str, command: str) -> int:
    """A command line that does not parse."""
    hint = f"`{command} --help` shows what it takes"
    verb = command.partition(" ")[2]
    # `run web sh -c ls`: -c is an option of a command, which a job does not take.
    if verb == "run" or "extra argument" in message or "Missing argument" in message:
        from emulator.cli.shell.foreign_options import ARGUMENTS

        meant = ARGUMENTS.get(verb)
        hint = f"{meant}\n  {hint}" if meant else hint
    say(f"error: {message}\n\nhint: {hint}")
    return ExitCode.USAGE


def unexpected(error: Exception, argv: Sequence[str]) -> int:
    """An error that we did not raise: the machine's, else ours."""
    from emulator.cli.shell.machine_errors import machine_error

    told = machine_error(error)
    if told is None:
        return bug(error, argv)
    return expected(told.with_traceback(error.__traceback__))


def bug(error: BaseException, argv: Sequence[str]) -> int:
    """Anything else: our fault. The traceback goes to a file that can be sent."""
    from emulator.redaction import redact_forms

    trace = redact_forms("".join(traceback.format_exception(error)))
    if debugging():
        say(trace)
        where = "the traceback above"
    else:
        where = f"the file {_report(trace, argv)}"
    say(
        f"error: copilot-local has a bug: {type(error).__name__}: {error}\n"
        "\n"
        f"This is not your fault. Please report it with {where}, which has\n"
        "the traceback, the command line and the versions; read it before you send it."
    )
    return ExitCode.BUG


def _report(trace: str, argv: Sequence[str]) -> str:
    import tempfile

    from emulator.redaction import redact_forms

    text = (
        f"copilot-local {__version__}, Python {platform.python_version()}, {platform.platform()}\n"
        f"$ {redact_forms(shlex.join(['copilot-local', *argv]))}\n\n{trace}"
    )
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="copilot-local-", suffix=".log", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(text)
        return file.name
    except OSError:
        say(trace)
        return "no file could be written; see above"
