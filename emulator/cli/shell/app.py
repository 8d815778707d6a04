"""The command `copilot-local`: its verbs, and how every one of them ends."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, TextIO, cast

import typer
from typer.core import TyperGroup

from emulator import __version__
from emulator.cli.shell import error_reporting
from emulator.cli.shell.registry import GROUPS, VERBS, Table
from emulator.cli.shell.verb import ListingGroup, PlainGroup, Verb
from emulator.errors import CopilotLocalError, ExitCode
from emulator.files import read_text
from emulator.visible import STREAMS, GuardedStream, unguarded

_PROGRAM = "copilot-local"
# Click's own exception class, whether Typer brings its own Click or imports it.
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]
_HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 120}

app = typer.Typer(
    name=_PROGRAM,
    cls=PlainGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=_HELP,
    help="Runs AWS Copilot services on this machine the way ECS on Fargate would.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{_PROGRAM} {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version
    _help_without_verb(context)


def _help_without_verb(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@cache
def command_line() -> TyperGroup:
    """The verbs as Typer's own tree of commands, made once for a process: that takes longer than most verbs."""
    root = _filled(app, VERBS)
    for name, (help, verbs) in GROUPS.items():
        kind = ListingGroup if "list" in verbs else PlainGroup
        group = typer.Typer(
            name=name, cls=kind, rich_markup_mode=None, add_completion=False, context_settings=_HELP, help=help
        )
        group.callback(invoke_without_command=True)(_help_without_verb)
        root.add_command(_filled(group, verbs, name))
    return root


def _filled(group: typer.Typer, verbs: Table, words: str = "") -> TyperGroup:
    command = typer.main.get_command(group)
    assert isinstance(command, TyperGroup)
    for name, (place, help) in verbs.items():
        command.add_command(Verb(name, place, help, words))
    return command


def run(arguments: Sequence[str]) -> int:
    """Runs a command line; returns its exit code and never raises."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        _never_fail_to_encode(stream)
    with _guarded_streams():
        code = _run(arguments)
        return code if _flushed() else code or ExitCode.FAILURE


def _open_closed_streams() -> None:
    """A stream that was closed (`>&-`) leads nowhere, and no file that is opened later takes its number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            _lead_nowhere(number)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _lead_nowhere(number: int) -> None:
    descriptor = os.open(os.devnull, os.O_RDWR)
    if descriptor == number:
        os.set_inheritable(number, True)  # as a stream is, for programs that are started
    else:
        os.dup2(descriptor, number)
        os.close(descriptor)


def _flushed() -> bool:
    """Writes what is still held back, which Python would do at its end, with words of its own and another exit code."""
    done = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            done = done and stream is sys.stderr
            _end_quietly(stream)
    return done


@contextlib.contextmanager
def _guarded_streams() -> Iterator[None]:
    """Nothing that a stranger wrote reaches a terminal as a command to it, whatever prints it."""
    from emulator.display.colours import wants_colour

    before = sys.stdout, sys.stderr
    guarded = [
        GuardedStream(unguarded(stream), sgr=wants_colour(stream), name=name)
        for stream, name in zip(before, STREAMS, strict=True)
    ]
    sys.stdout, sys.stderr = cast("tuple[TextIO, TextIO]", tuple(guarded))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _run(arguments: Sequence[str]) -> int:
    try:
        result = command_line().main(list(arguments), prog_name=_PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        return result if isinstance(result, int) else ExitCode.OK
    except CopilotLocalError as error:
        return error_reporting.expected(error)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        _end_quietly(sys.stdout)
        return ExitCode.FAILURE
    except SystemExit as leaving:
        if "--install-completion" in arguments:
            complete_at_first_tab(Path.home())
        return leaving.code if isinstance(leaving.code, int) else ExitCode.FAILURE
    except _ClickException as error:
        context = getattr(error, "ctx", None)
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        message = message.replace("Value error, ", "")  # Pydantic's own words, which Typer passes on
        return error_reporting.usage(message, getattr(context, "command_path", _PROGRAM))
    except Exception as error:
        return error_reporting.unexpected(error, arguments)


def complete_at_first_tab(home: Path) -> None:
    """Mends the file that was installed for zsh. Shells read it at the first Tab, as the body of the function that is
    to complete; Typer's only defines another function, so that Tab does nothing."""
    file = home / ".zfunc" / f"_{_PROGRAM}"
    call = '_copilot_local_completion "$@"'
    with contextlib.suppress(OSError):
        text = read_text(file)
        if not text.rstrip().endswith(call):
            file.write_text(f"{text.rstrip()}\n{call}\n", encoding="utf-8")


def _end_quietly(stream: TextIO) -> None:
    """The reader of our output went away (`copilot-local ps | head -1`): end quietly, as other commands do."""
    # Python flushes the streams once more when it ends and would complain about the same pipe.
    with contextlib.suppress(OSError, ValueError):
        _lead_nowhere(stream.fileno())


def _never_fail_to_encode(stream: TextIO) -> None:
    """A container may print what the terminal cannot show."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
