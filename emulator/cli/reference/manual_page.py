"""The manual page `copilot-local(1)`, made of the same help as `--help`."""

from __future__ import annotations

from collections.abc import Iterator

from emulator import __version__
from emulator.cli.reference.verb_help import VerbHelp, verb_helps
from emulator.cli.shell.verb import Record
from emulator.errors import ExitCode


def manual_page() -> str:
    """The page in roff's man macros, which `man -l -` reads."""
    from emulator.cli.shell.app import command_line

    group = command_line()
    lines = [f'.TH COPILOT-LOCAL 1 "" "copilot-local {_quoted(__version__)}" "User Commands"']
    lines += [
        ".SH NAME",
        _text(f"copilot-local - {(group.help or '')[:1].lower()}{(group.help or '')[1:]}".rstrip(".")),
    ]
    lines += [".SH SYNOPSIS", ".B copilot-local", r"\fIVERB\fR [\fIOPTIONS\fR] [\fIARGUMENTS\fR]", ".SH VERBS"]
    for verb in verb_helps(group):
        lines += _verb(verb)
    lines.append(".SH EXIT STATUS")
    lines += _terms([(str(int(code)), code.name.lower().replace("_", " ")) for code in ExitCode])
    lines += [".SH FILES"]
    lines += _terms([("copilot-local.toml", "Settings of a workspace; `copilot-local reference settings` lists them.")])
    lines += [".SH SEE ALSO", _text("docker(1), pytest(1)")]
    return "\n".join(lines) + "\n"


def _verb(verb: VerbHelp) -> Iterator[str]:
    yield f'.SS "{_quoted(verb.usage)}"'
    for paragraph in verb.text.split("\n\n"):
        yield _text(" ".join(paragraph.split()))
        yield ".PP"
    yield from _terms([*verb.arguments, *verb.options])
    if verb.examples:
        yield from (".PP", "Examples:", ".nf")
        yield from (_text(f"  copilot-local {example}") for example in verb.examples)
        yield ".fi"


def _terms(records: list[Record]) -> Iterator[str]:
    for name, meaning in records:
        yield ".TP"
        yield rf"\fB{_text(name)}\fR"
        yield _text(" ".join(meaning.split()) or "-")


def _text(text: str) -> str:
    """A line of text: backslashes, hyphens and a control character at the start mean themselves."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _quoted(text: str) -> str:
    """The argument of a macro within quotes."""
    return _text(text).replace('"', r"\(dq")
