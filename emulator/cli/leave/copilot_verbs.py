"""`copilot-local aws svc exec` and the like: what takes the place of Copilot's verbs, printed, or run with `--run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from emulator.cli.leave import deploying, verbs
from emulator.cli.leave.words import ALIASES
from emulator.cli.shell.options import spread
from emulator.cli.shell.verb import PlainGroup, PlainHelp
from emulator.errors import UsageError
from emulator.spelling import closest

_GROUPS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "app": ("Applications.", {"ls": verbs.app_ls, "show": verbs.app_show}),
    "env": ("Environments.", {"ls": verbs.env_ls, "show": verbs.env_show, "deploy": deploying.env_deploy}),
    "svc": (
        "Services.",
        {
            "ls": verbs.svc_ls,
            "show": verbs.svc_show,
            "status": verbs.svc_status,
            "logs": verbs.svc_logs,
            "exec": verbs.svc_exec,
            "deploy": deploying.svc_deploy,
            "pause": verbs.svc_pause,
            "resume": verbs.svc_resume,
        },
    ),
    "job": (
        "Jobs.",
        {"ls": verbs.job_ls, "run": verbs.job_run, "logs": verbs.job_logs, "deploy": deploying.job_deploy},
    ),
    "task": ("One-off tasks.", {"run": verbs.task_run}),
    "secret": ("Secrets.", {"init": verbs.secret_init}),
    "pipeline": ("Pipelines.", {"ls": verbs.pipeline_ls, "status": verbs.pipeline_status}),
}
_DELETE: Final = "`copilot-local leave report` shows what would be lost, `leave protect` keeps it"
_MANIFEST: Final = "the manifest is a file: copilot/NAME/manifest.yml; `copilot-local schema` has its keys"
_PACKAGE: Final = "`copilot-local render cloudformation NAME --in-copilot-environment`"
ELSEWHERE: Final = {
    **{f"{noun} delete": _DELETE for noun in ("app", "env", "svc", "job", "pipeline")},
    **{f"{noun} init": _MANIFEST for noun in ("svc", "job")},
    **{f"{noun} package": _PACKAGE for noun in ("svc", "job")},
    **{f"{noun} override": "copilot/NAME/overrides is read by `render`" for noun in ("svc", "job", "env")},
    "app init": "`copilot-local render app` prints repositories; an application needs nothing else",
    "app upgrade": "`copilot-local render app`",
    "env init": "`copilot-local render environment` prints the stack of a new one",
    "env package": "`copilot-local render environment --in-place`",
    "env upgrade": "`copilot-local aws env deploy`",
    "pipeline init": "`copilot-local render pipeline` makes a workflow or a buildspec",
    "pipeline deploy": "`copilot-local render pipeline` makes a workflow or a buildspec",
    "pipeline show": "`copilot-local aws pipeline status`",
    "task delete": "a task of `task run` ends by itself and leaves nothing",
    "task exec": "`copilot-local aws svc exec --task-id ID`",
}
"""Verbs of Copilot's that have no lines, with what to do instead."""


class _Lines(PlainHelp):
    """A verb of lines. Options of other tools mean nothing to it."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        return TyperCommand.parse_args(self, ctx, args)


def run_verb(words: Sequence[str], app: str | None, env: str | None) -> None:
    """Prints or runs the lines for a verb. Raises UsageError for one that is not there."""
    first, *rest = words
    if first in ALIASES:
        raise UsageError(f"there is no verb `{first}`", hint=f"did you mean `{ALIASES[first]}`?")
    if first == "deploy":
        first, rest = "svc", ["deploy", *rest]
    if rest and f"{first} {rest[0]}" in ELSEWHERE:
        raise UsageError(f"`{first} {rest[0]}` has no lines of its own", hint=ELSEWHERE[f"{first} {rest[0]}"])
    group = _group(first)
    if not rest or rest[0] in group.commands or rest[0].startswith("-"):
        given = _outer(group, rest, app, env)
        with group.make_context(f"copilot-local aws {first}", [*rest[:1], *given, *rest[1:]]) as context:
            group.invoke(context)
        return
    meant = closest(rest[0], group.commands)
    known = f"there are: {', '.join(f'{first} {name}' for name in group.commands)}"
    raise UsageError(
        f"there is no verb `{first} {rest[0]}`", hint=f"did you mean `{first} {meant}`? {known}" if meant else known
    )


def _outer(group: TyperGroup, rest: Sequence[str], app: str | None, env: str | None) -> list[str]:
    """The options that were given before the verb, of those that it has."""
    command = group.commands.get(rest[0]) if rest else None
    names = {parameter.name for parameter in command.params} if command is not None else set()
    options = (("app", "--app", app), ("env", "--env", env))
    return [word for name, option, value in options if value and name in names for word in (option, value)]


def _group(noun: str) -> TyperGroup:
    about, table = _GROUPS[noun]
    made = typer.Typer(name=noun, help=about, cls=PlainGroup, rich_markup_mode=None, add_completion=False)
    for name, function in table.items():
        made.command(name, cls=_Lines)(spread(function))
    if len(table) == 1:  # else it would be no group

        @made.callback()
        def _() -> None: ...

    group = typer.main.get_command(made)
    assert isinstance(group, TyperGroup)
    return group
