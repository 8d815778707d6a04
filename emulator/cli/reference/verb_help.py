"""What there is to say of each verb, read off the command line once: for `--help`, the reference, the site, the manual
page. Shell completion offers the same options, since it reads the same parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc

from typer.core import TyperCommand, TyperGroup

from emulator.cli.shell.help_texts import EXAMPLES
from emulator.cli.shell.verb import Record, Verb, argument_records, arguments_of, option_records, place_of


@dataclass(frozen=True)
class VerbHelp:
    """A verb with its arguments and options."""

    words: str
    """The verb as typed after the program's name: `up`, `render taskdef`."""
    usage: str
    """The whole command line, with places for arguments."""
    text: str
    """The description; its first line is a summary."""
    arguments: tuple[Record, ...]
    options: tuple[Record, ...]
    examples: tuple[str, ...]
    """Command lines, without the program's name."""

    @property
    def summary(self) -> str:
        return self.text.partition("\n")[0]


def verb_helps(group: TyperGroup, before: str = "") -> Iterator[VerbHelp]:
    """Every verb of the command line, those of groups too, in the order of the list of verbs; `before` are the words
    that the group is below."""
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from verb_helps(command, f"{before}{name} ")
        elif isinstance(command, Verb):
            yield _help_of(f"{before}{name}", command.command)


def _help_of(words: str, command: TyperCommand) -> VerbHelp:
    context = command.context_class(command, info_name=words)
    return VerbHelp(
        words=words,
        usage=" ".join(["copilot-local", words, *map(place_of, arguments_of(command))]),
        text=cleandoc(command.help or "").strip(),
        arguments=argument_records(command),
        options=option_records(command.params, context),
        examples=tuple(EXAMPLES.get(words, ())),
    )
