"""`copilot-local leave protect`: a deployed template with policies that keep its resources."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.leave.reading import read_given
from emulator.errors import InputError, UsageError
from emulator.leave.kinds import ADDONS, TEMPLATE_URL
from emulator.leave.verbs.changing import MOST_INLINE, ChangeSetLines, parameter, previous
from emulator.leave.verbs.lines import bucket_of

if TYPE_CHECKING:
    from emulator.leave.protect import Protected


def protect(
    template: Annotated[
        Path,
        typer.Argument(
            metavar="TEMPLATE",
            help="The deployed template: what `aws cloudformation get-template --template-stage Original` prints.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there, and print the commands only.")
    ] = None,
    stack: Annotated[
        str, typer.Option("--stack", metavar="NAME", help="The stack's name, for the commands that are printed.")
    ] = "STACK",
    addons_url: Annotated[
        str | None,
        typer.Option(
            "--addons-url", metavar="URL", help="Where the protected template of the stack's addons was uploaded to."
        ),
    ] = None,
) -> None:
    """Print a deployed template with policies that keep every resource, and the commands that bring them about."""
    from emulator.leave.protect import protect as protected

    if output is not None and output.exists() and output.samefile(template):
        raise UsageError("--output is the template itself", hint="keep the deployed one: it is the way back")
    found = protected(read_given(template), str(template))
    if addons_url is not None and TEMPLATE_URL not in found.parameters:
        raise UsageError(f"the template has no parameter {TEMPLATE_URL}", hint="--addons-url is for stacks with addons")
    steps = "\n".join(_steps(found, stack, output or Path("PROTECTED"), addons_url)) + "\n"
    if output is None:  # the template alone is what a file gets
        sys.stdout.write(found.text)
        sys.stderr.write(steps)
    else:
        _write(output, found.text)
        sys.stdout.write(steps)


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    from emulator.cli.manifest.rendering import Document, write_all

    if file.is_dir():
        raise InputError(f"{file} is a folder", hint="give --output a file's name")
    write_all(file.parent, [Document(file.name, text)])


def _steps(found: Protected, stack: str, file: Path, addons_url: str | None) -> list[str]:
    """What is to be done with the template, a command a line."""
    many = "resource" if found.resources == 1 else "resources"
    lines = [f"# {found.changed} of {found.resources} {many} of this template ({found.kind}) got a policy."]
    if not found.changed and not addons_url:
        return [*lines, "# Nothing to deploy: the stack is protected."]
    return lines + (_of_addons(stack, file) if found.kind == ADDONS else _of_parent(found, stack, file, addons_url))


def _of_addons(stack: str, file: Path) -> list[str]:
    """AWS refuses change sets and termination protection of a nested stack: the stack around it takes the template."""
    parent = stack.partition("-AddonsStack-")[0]
    key = f"protected/{parent}/{file.name}"
    return [
        "# Addons are a nested stack: only the stack around it changes it. Upload their template, to the bucket of",
        "# Copilot's application, and protect that stack with it. These lines print others: paste those too.",
        "( set -euo pipefail",
        *bucket_of(parent),
        f'aws s3 cp --only-show-errors {shlex.quote(str(file))} "s3://$bucket/{key}"',
        f"aws cloudformation get-template --stack-name {parent} --template-stage Original --query TemplateBody "
        f"--output text > {parent}.deployed.yml",
        f"copilot-local leave protect {parent}.deployed.yml --stack {parent} -o {parent}.protected.yml "
        f'--addons-url "https://$bucket.s3.$region.amazonaws.com/{key}"',
        ")",
    ]


def _of_parent(found: Protected, stack: str, file: Path, addons_url: str | None) -> list[str]:
    notes, before = [], []
    for name, url in found.nested:
        if url:
            notes.append(f"# {name} is a stack of its own: protect its template too, and write its new URL for {url}.")
        elif addons_url is None:  # Copilot's template has it for services without addons too, by a condition
            notes.append(
                f"# Where {name} is there, it is a stack of its own: protect its template first, then give its URL by "
                "--addons-url."
            )
    template = f"--template-body {shlex.quote(f'file://{file}')}"
    if len(found.text.encode()) > MOST_INLINE:
        notes.append("# The template is larger than 51,200 bytes, and goes by the bucket of Copilot's application.")
        key = f"protected/{stack}/{file.name}"
        before = [*bucket_of(stack), f'aws s3 cp --only-show-errors {shlex.quote(str(file))} "s3://$bucket/{key}"']
        template = f'--template-url "https://$bucket.s3.$region.amazonaws.com/{key}"'
    given = {TEMPLATE_URL: addons_url} if addons_url is not None else {}
    parameters = [parameter(name, given[name]) if name in given else previous(name) for name in found.parameters]
    nested = [name for name, _ in found.nested]
    guard = f"aws cloudformation update-termination-protection --stack-name {stack} --enable-termination-protection"
    return [
        *notes,
        *ChangeSetLines(stack, "protect", template, parameters, nested, before=before, afterwards=[guard]).lines,
    ]
