"""A verb and a group of verbs as Typer's commands: their help, and words of other tools among their arguments."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup

from emulator.cli.shell.reading import read_plainly

Record = tuple[str, str]
"""A name as it is written on the command line, and its meaning."""


class PlainGroup(TyperGroup):
    """Verbs below one word. The list of them has their whole descriptions."""

    def get_params(self, ctx: Any) -> Any:
        return read_plainly(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        if ctx.parent is None:
            from emulator.cli.shell.foreign_options import refuse_before_verb

            refuse_before_verb(args)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        del ctx
        from emulator.cli.shell.help_texts import SECTIONS, WHERE_MORE

        sections = SECTIONS if set(self.commands) <= {name for names in SECTIONS.values() for name in names} else {}
        for title, names in (sections or {"Commands": tuple(self.commands)}).items():
            with formatter.section(title):
                formatter.write_dl([(name, self.commands[name].help or "") for name in names])
        if sections:
            formatter.write_paragraph()
            formatter.write_text(WHERE_MORE)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            from emulator.cli.shell.foreign_words import refuse_verb

            known = [name if ctx.parent is None else f"{ctx.info_name} {name}" for name in self.commands]
            refuse_verb(args if ctx.parent is None else [f"{ctx.info_name} {args[0]}"], known)
        return super().resolve_command(ctx, args)


class ListingGroup(PlainGroup):
    """Verbs below one word that lists where none of them follows: `queues`, `queues --format json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class PlainHelp(TyperCommand):
    """A verb whose help names its arguments as people write them: `SERVICE`, `[SERVICE]...`."""

    words = ""
    """The verb with what it is below: `render compose` is none of the things that `compose` is."""

    def get_params(self, ctx: Any) -> Any:
        return read_plainly(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        from emulator.cli.shell.foreign_options import without_foreign_options

        if self.words in _RUNS_COMMAND:
            args = self._with_command_set_apart(ctx, args)
        if self.words not in _PASSES_ON:
            own = {option for parameter in self.params for option in parameter.opts}
            args = without_foreign_options(self.words, args, own)
        return super().parse_args(ctx, args)

    def _with_command_set_apart(self, ctx: Any, args: list[str]) -> list[str]:
        """The words with `--` before those of the command that follows the first argument: options of that are its
        own, as for `docker compose exec`."""
        usual = ctx.allow_interspersed_args, ctx.ignore_unknown_options
        ctx.allow_interspersed_args, ctx.ignore_unknown_options = False, True
        parser = self.make_parser(ctx)
        ctx.allow_interspersed_args, ctx.ignore_unknown_options = usual
        place, command = (argument.name for argument in arguments_of(self))
        after = parser.parse_args(list(args))[0].get(command) or ()
        # Without its first word the rest has the same shape: options, and then one word that is none.
        found = parser.parse_args(list(after))[0] if after else {}
        own = [found.get(place), *(found.get(command) or ())]
        before = args[: len(args) - len(own)]
        if not isinstance(own[0], str) or own[0].startswith("-") or "--" in before:
            return args
        return [*before, "--", *own]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        from emulator.cli.shell.help_texts import EXAMPLES

        words = ctx.command_path.partition(" ")[2]
        if words in EXAMPLES:
            with formatter.section("Examples"):
                for example in EXAMPLES[words]:
                    formatter.write(f"{'':>{formatter.current_indent}}copilot-local {example}\n")

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        del ctx
        return ["[OPTIONS]", *(place_of(argument) for argument in arguments_of(self))]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        options = option_records(self.get_params(ctx), ctx)
        sections = {"Arguments": argument_records(self), "Options": options}
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def arguments_of(command: TyperCommand) -> list[TyperArgument]:
    """What the command takes besides options, in order."""
    return [parameter for parameter in command.params if isinstance(parameter, TyperArgument)]


def place_of(argument: TyperArgument) -> str:
    """How the argument stands in the command line."""
    if argument.metavar:
        return argument.metavar
    name = (argument.name or "").upper()
    return name if argument.required else f"[{name}]"


def argument_records(command: TyperCommand) -> tuple[Record, ...]:
    """Each argument with its meaning."""
    return tuple((place_of(argument), argument.help or "") for argument in arguments_of(command))


def option_records(parameters: Iterable[Any], context: Any) -> tuple[Record, ...]:
    """Each option among the parameters that is shown, with its meaning."""
    records = (option.get_help_record(context) for option in parameters)
    return tuple(record for record in records if record is not None and record[0].startswith("-"))


_PASSES_ON = frozenset({"aws", "compose"})
_RUNS_COMMAND = frozenset({"exec"})
"""Verbs whose second argument begins a command of another program."""


class Verb(TyperCommand):
    """A line in the list of verbs that becomes the verb itself as soon as it is parsed or completed."""

    def __init__(self, name: str, place: str, help: str, group: str = "") -> None:
        super().__init__(name, help=help, rich_markup_mode=None)
        self._place = place
        self._words = f"{group} {name}".strip()

    @cached_property
    def command(self) -> TyperCommand:
        """The verb with its options, imported now."""
        from emulator.cli.shell.options import spread

        module, _, function = self._place.partition(":")
        alone = typer.Typer(rich_markup_mode=None, add_completion=False)
        # What follows the first argument of these belongs to another program, options too.
        settings = {"allow_interspersed_args": False} if self._words in _PASSES_ON else None
        verb = getattr(import_module(f"emulator.cli.{module}"), function)
        alone.command(self.name, cls=PlainHelp, context_settings=settings)(spread(verb))
        command = typer.main.get_command(alone)
        assert isinstance(command, PlainHelp)
        command.words = self._words
        return command

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        return self.command.make_context(*arguments, **options)
