"""`copilot-local leave check`: a verdict over change sets."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.leave.reading import read_given
from emulator.errors import ExitCode, InputError
from emulator.leave.verdict import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from emulator.leave.change_sets import ChangeSet
    from emulator.leave.verdict import Judgement, Verdict


def check(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="CHANGESET...",
            help="Files with the output of `aws cloudformation describe-change-set --include-property-values`: of the "
            "change set, and of every one that is nested in it.",
        ),
    ],
    phase: Annotated[
        Phase,
        typer.Option(
            "--phase",
            help="What they are for. protect: only policies change. takeover: a rendered template replaces Copilot's. "
            "back: the template before returns.",
        ),
    ] = Phase.PROTECT,
    stack: Annotated[
        str | None,
        typer.Option(
            "--stack", metavar="NAME", help="The stack that is meant. A change set of another one is refused."
        ),
    ] = None,
) -> None:
    """Say whether change sets can be executed without loss. Exits with 1 unless all is known to be safe."""
    from emulator.leave.change_sets import read_change_sets
    from emulator.leave.verdict import Level, judge

    sets = read_change_sets([(str(file), read_given(file)) for file in files])
    if stack is not None:
        _refuse_other_stacks(sets, stack)
    verdicts = judge(sets, phase)
    for verdict in verdicts:
        sys.stdout.write("\n".join(_shown(verdict)) + "\n")
    refused = sum(not verdict.passes for verdict in verdicts)
    if refused:
        sys.stdout.write("\nDo not execute: what is refused would be lost, or is not known to be safe.\n")
        sys.stdout.write("\n".join(_dropped(sets)) + "\n")
        raise typer.Exit(ExitCode.FAILURE)
    looks = sum(len(verdict.of(Level.LOOK)) for verdict in verdicts)
    if looks:
        many = "the change" if looks == 1 else f"the {looks} changes"
        sys.stdout.write(f"\nNothing is refused. First look at {many} marked `look`: only you know what was meant.\n")
    safe = "Then safe" if looks else "\nSafe"
    sys.stdout.write(f"{safe} to execute as a step to {_STEPS[phase]}.\n")


def _refuse_other_stacks(sets: Sequence[ChangeSet], stack: str) -> None:
    """Raises InputError for a change set of another stack; nested ones belong to the set that names them."""
    for one in sets:
        if not one.parent and one.stack != stack:
            raise InputError(
                f"the change set {one.name} is of the stack {one.stack}, not of {stack}",
                position=one.position,
                hint=f"describe the one of {stack}: `aws cloudformation list-change-sets --stack-name {stack}`",
            )


def _dropped(sets: Sequence[ChangeSet]) -> Iterator[str]:
    """How change sets are dropped; a nested one goes with the one around it."""
    yield "Nothing has changed yet. Drop it, mend what is named above, and make a new one:"
    for one in sets:
        if not one.parent:
            names = f"--stack-name {shlex.quote(one.stack)} --change-set-name {shlex.quote(one.name)}"
            yield f"  aws cloudformation delete-change-set {names}"


_STEPS = {Phase.PROTECT: "protect a stack", Phase.TAKEOVER: "take a stack over", Phase.BACK: "go back"}


def _shown(verdict: Verdict) -> list[str]:
    """What is refused, what is to be looked at, and a count of the rest."""
    from emulator.leave.verdict import Level

    one = verdict.change_set
    count = len(verdict.judgements)
    lines = [f"{one.stack}, change set {one.name}: {count or 'no'} change{'' if count == 1 else 's'}"]
    for level in (Level.REFUSED, Level.LOOK):
        lines += [_line(level.value, judgement) for judgement in verdict.of(level)]
    if fine := verdict.of(Level.FINE):
        more = " more" if len(fine) < count else ""
        lines.append(f"  {Level.FINE.value:8}{len(fine)}{more}")
    return lines


def _line(level: str, judgement: Judgement) -> str:
    change = judgement.change
    return f"  {level:8}{change.id} ({change.type}) {judgement.reason}  ← {change.position}"
