"""`copilot-local leave back`: the lines that lead a stack back to what it was before a step."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.leave.reading import read_given
from emulator.errors import UsageError
from emulator.leave.kinds import TEMPLATE_URL
from emulator.leave.verbs.changing import MOST_INLINE, ChangeSetLines
from emulator.leave.verbs.lines import bucket_of

if TYPE_CHECKING:
    from emulator.leave.before import Before

_END = ".before.json"
_OF_RELEASES = ("ContainerImage", TEMPLATE_URL)
_ENV_FILES = "EnvFileARN"
"""Parameters that a release changes: image, template of addons, and those of environment files, which begin alike."""


class Release(StrEnum):
    """Whose image, addons and environment files the stack gets on its way back."""

    NOW = "now"
    THEN = "then"


def back(
    before: Annotated[
        Path,
        typer.Argument(
            metavar="STACK.NAME.before.json",
            help="What the lines of `leave protect` and `aws svc deploy --take-over` wrote before the step. The "
            "template is the file beside it that ends in .yml.",
        ),
    ],
    template: Annotated[
        Path | None, typer.Option("--template", metavar="FILE", help="Another template, such as the one with policies.")
    ] = None,
    release: Annotated[
        Release,
        typer.Option(
            "--release",
            help="Whose image, addons and environment files the stack gets: those it has now, or those of then.",
        ),
    ] = Release.NOW,
) -> None:
    """Print the commands that lead a stack back to what it was before a step, whatever state it is in."""
    from emulator.leave.before import read_before
    from emulator.leave.protect import outline

    found = read_before(read_given(before), str(before))
    if template is None:
        if not before.name.endswith(_END):
            raise UsageError(f"{before} does not end in {_END}", hint="give the template too: --template FILE")
        template = before.with_name(before.name.removesuffix("json") + "yml")
    text = read_given(template)
    shape = outline(text, str(template))
    lines = [*_states(found.stack), *_of_policies(shape.unprotected, template)]
    if unknown := sorted(set(found.parameters) - set(shape.parameters)):
        raise UsageError(
            f"{template} has no parameter {unknown[0]}, which the stack had",
            hint="give the template that the stack had with these parameters",
        )
    options, upload = f"--template-body {shlex.quote(f'file://{template}')}", []
    if len(text.encode()) > MOST_INLINE:
        key = f"back/{found.stack}/{template.name}"
        upload = [
            *bucket_of(found.stack),
            f'aws s3 cp --only-show-errors {shlex.quote(str(template))} "s3://$bucket/{key}"',
        ]
        options = f'--template-url "https://$bucket.s3.$region.amazonaws.com/{key}"'
    kept = [name for name in found.parameters if name in _OF_RELEASES or name.startswith(_ENV_FILES)]
    lines += _of_release(kept, release)
    now = kept if release is Release.NOW else []
    made = ChangeSetLines(
        found.stack, "back", options, _parameters(found, now), [name for name, _ in shape.nested], _more(found),
        before=[*upload, *_now(found, now)],
    )  # fmt: skip
    sys.stdout.write("\n".join([*lines, *made.lines]) + "\n")


def _states(stack: str) -> list[str]:
    """What is to be done by the state of the stack."""
    one = f"--stack-name {stack}"
    query = "\"StackEvents[?contains(ResourceStatus,'FAILED')].[LogicalResourceId,ResourceStatusReason]\""
    return [
        "# The state of the stack says what to do:",
        f"aws cloudformation describe-stacks {one} --query 'Stacks[0].StackStatus' --output text",
        "# UPDATE_IN_PROGRESS: stop the update, and CloudFormation goes back by itself. Nothing was removed yet.",
        f"# aws cloudformation cancel-update-stack {one}",
        f"# aws cloudformation wait stack-rollback-complete {one}",
        "# UPDATE_ROLLBACK_COMPLETE: the stack is back. UPDATE_ROLLBACK_IN_PROGRESS: wait for that, as above.",
        "# UPDATE_ROLLBACK_FAILED: see why, mend that, and let it go on.",
        f"# aws cloudformation describe-stack-events {one} --query {query} --output table",
        f"# aws cloudformation continue-update-rollback {one}",
        "# UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: the update is done, and what left is being removed. Wait:",
        f"# aws cloudformation wait stack-update-complete {one}",
        "# UPDATE_COMPLETE: template, parameters and tags of before are put back by a change set:",
    ]


def _of_policies(unprotected: int, template: Path) -> list[str]:
    if not unprotected:
        return []
    return [
        f"# {unprotected} of its resources have no DeletionPolicy: Retain. If the update fails, what it made goes:",
        "# EnvControllerAction then takes the service off the environment's lists. The protected template is safer:",
        f"# copilot-local leave protect {shlex.quote(str(template))} -o protected.yml",
        "# copilot-local leave back … --template protected.yml",
    ]


def _of_release(kept: list[str], release: Release) -> list[str]:
    if not kept:
        return []
    what = " ".join(kept)
    if release is Release.THEN:
        return [f"# As they were then, whatever was released since: {what}. Without --release then they stay."]
    return [f"# As they are now, so that the last release stays: {what}. --release then puts back those of then."]


def _now(found: Before, names: list[str]) -> list[str]:
    """Sets a variable of the shell to what the stack has now, for each parameter. Where the template of now has no such
    one, as for an image that the manifest names, the value of then comes back."""
    lines = []
    for name in names:
        query = f"Stacks[0].Parameters[?ParameterKey=='{name}'].ParameterValue"
        lines += [
            f'{name}=$(aws cloudformation describe-stacks --stack-name {found.stack} --query "{query}" --output text)',
            f'[ -n "${name}" ] || {{ {name}={shlex.quote(found.parameters[name])}; '
            f'echo "{name} is no parameter of the stack now, and gets the value of then"; }}',
            f'echo "{name}: ${name}"',
        ]
    return lines


def _parameters(found: Before, now: list[str]) -> list[str]:
    """The values of then in one word of the shell, but for those that a variable of it has."""
    if not found.parameters:
        return []
    marks = {name: f"\0{name}\0" for name in now}
    word = _list({**found.parameters, **marks}, "ParameterKey", "ParameterValue")
    for name, mark in marks.items():
        word = word.replace(json.dumps(mark)[1:-1], f"'\"${name}\"'")
    return [word]


def _more(found: Before) -> list[str]:
    role = [f"--role-arn {shlex.quote(found.role)}"] if found.role else []
    return [*role, *([f"--tags {_list(found.tags, 'Key', 'Value')}"] if found.tags else [])]


def _list(values: Mapping[str, str], key: str, value: str) -> str:
    """A list of pairs as JSON, which the AWS command line reads whatever is in a value."""
    return shlex.quote(json.dumps([{key: one, value: other} for one, other in values.items()]))
