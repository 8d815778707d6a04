"""`copilot-local leave protect`: a deployed template with policies that keep its resources."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.leave.reading import read_given
from emulator.errors import InputError, UsageError

if TYPE_CHECKING:
    from emulator.leave.protect import Protected

_MOST_INLINE = 51_200
"""Bytes of a template that CloudFormation takes without S3."""


def protect(
    template: Annotated[
        Path,
        typer.Argument(
            metavar="TEMPLATE",
            help="The deployed template: what `aws cloudformation get-template --template-stage Original` prints.",
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there instead of printing it.")
    ] = None,
    stack: Annotated[
        str, typer.Option("--stack", metavar="NAME", help="The stack's name, for the commands that are printed.")
    ] = "STACK",
) -> None:
    """Print a deployed template with policies that keep every resource, and the commands that bring them about."""
    from emulator.leave.protect import protect as protected

    if output is not None and output.exists() and output.samefile(template):
        raise UsageError("--output is the template itself", hint="keep the deployed one: it is the way back")
    found = protected(read_given(template), str(template))
    if output is None:
        sys.stdout.write(found.text)
    else:
        _write(output, found.text)
    sys.stderr.write("\n".join(_steps(found, stack, str(output or "PROTECTED"))) + "\n")


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    from emulator.cli.manifest.rendering import Document, write_all

    if file.is_dir():
        raise InputError(f"{file} is a folder", hint="give --output a file's name")
    write_all(file.parent, [Document(file.name, text)])


def _steps(found: Protected, stack: str, file: str) -> list[str]:
    """What is to be done with the template, a command a line."""
    many = "resource" if found.resources == 1 else "resources"
    lines = [f"# {found.changed} of {found.resources} {many} of this template ({found.kind}) got a policy."]
    if not found.changed:
        return [*lines, "# Nothing to deploy: the stack is protected."]
    for name, url in found.nested:
        where = url or "at the parameter that TemplateURL names"
        lines.append(f"# {name} is a stack of its own: protect its template too ({where}), and upload it beside.")
    if len(found.text.encode()) > _MOST_INLINE:
        lines.append("# It is larger than 51,200 bytes: upload it to S3, and give --template-url for --template-body.")
    keep = " ".join(f"ParameterKey={name},UsePreviousValue=true" for name in found.parameters)
    parameters = f" --parameters {keep}" if keep else ""
    one = f"--stack-name {stack} --change-set-name protect"
    return [
        *lines,
        f"aws cloudformation create-change-set {one} --template-body file://{file} --include-nested-stacks "
        f"--capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND{parameters}",
        f"aws cloudformation wait change-set-create-complete {one}",
        f"aws cloudformation describe-change-set {one} --include-property-values --output json > protect.json",
        f"copilot-local leave check protect.json --stack {stack}",
        f"aws cloudformation execute-change-set {one}",
        f"aws cloudformation update-termination-protection --stack-name {stack} --enable-termination-protection",
    ]
