"""Lines that make a change set and have it judged with the sets that are nested in it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

MOST_INLINE = 51_200
"""Bytes of a template that CloudFormation takes without S3."""
_NAME = '"$name"'


@dataclass(frozen=True, slots=True)
class ChangeSetLines:
    """A change set to be made. `phase` is that of `leave check`; `template` the options that name the template;
    `parameters` words of `--parameters`; `nested` logical ids of the stacks in it; `more` other options; `before` lines
    that make what it needs; `afterwards` what a person runs once it was executed."""

    stack: str
    phase: str
    template: str
    parameters: Sequence[str] = ()
    nested: Sequence[str] = ()
    more: Sequence[str] = ()
    before: Sequence[str] = ()
    afterwards: Sequence[str] = ()

    @property
    def lines(self) -> list[str]:
        """A sub-shell that ends at the first failure: it keeps what the way back needs, makes the change set, describes
        it, judges it, and says what to run then. The time of day is in the name of each set and its files, so that no
        earlier one is described in its place."""
        return [
            "( set -euo pipefail",
            *self.before,
            *self._keep(),
            *self._make(),
            *self._describe(),
            *self._next(),
            ")",
        ]

    def _keep(self) -> list[str]:
        """What the stack is now."""
        stack = f"--stack-name {shlex.quote(self.stack)}"
        return [
            f"name={self.phase}-$(date -u +%Y%m%d-%H%M%S)",
            f"aws cloudformation get-template {stack} --template-stage Original --query TemplateBody --output text"
            f" > {self._file('.before.yml')}",
            f"aws cloudformation describe-stacks {stack} --output json > {self._file('.before.json')}",
        ]

    def _make(self) -> list[str]:
        words = [
            f"aws cloudformation create-change-set {self._one} {self.template} --change-set-type UPDATE",
            "--include-nested-stacks --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND",
            *([f"--parameters {' '.join(self.parameters)}"] if self.parameters else []),
            *self.more,
        ]
        # Where it fails, `leave check` says why: the reason is in the description.
        return [" ".join(words), f"aws cloudformation wait change-set-create-complete {self._one} || true"]

    def _describe(self) -> list[str]:
        """Nested sets come by variables of the shell, which are empty where CloudFormation made none."""
        described = "--include-property-values --output json"
        files = [self._file(".json")]
        lines = [f"aws cloudformation describe-change-set {self._one} {described} > {files[0]}"]
        for id in self.nested:
            query = f"Changes[?ResourceChange.LogicalResourceId=='{id}'].ResourceChange.ChangeSetId"
            file = self._file(f".{id}.json")
            files.append(f"${{{id}:+{file}}}")
            inner = f'aws cloudformation describe-change-set --change-set-name "${id}" {described} > {file}'
            lines += [
                f'{id}=$(aws cloudformation describe-change-set {self._one} --query "{query}" --output text)',
                f'[ -z "${id}" ] || {inner}',
            ]
        check = f"copilot-local leave check --phase {self.phase} {' '.join(files)} --stack {shlex.quote(self.stack)}"
        return [*lines, check]

    def _next(self) -> list[str]:
        stack = f"--stack-name {self.stack}"
        told = [
            f"aws cloudformation execute-change-set {stack} --change-set-name $name",
            f"aws cloudformation wait stack-update-complete {stack}",
            *self.afterwards,
        ]
        lines = ["Look at what it says. Then, one after the other:", *(f"  {one}" for one in told)]
        back = f"The way back, from here or later: copilot-local leave back $PWD/{self.stack}.$name.before.json"
        return [f'echo "{line}"' for line in (*lines, back)]

    def _file(self, end: str) -> str:
        return f'"{self.stack}.$name{end}"'

    @property
    def _one(self) -> str:
        return f"--stack-name {shlex.quote(self.stack)} --change-set-name {_NAME}"


def previous(name: str) -> str:
    """The parameter keeps its value."""
    return f"ParameterKey={name},UsePreviousValue=true"


def parameter(name: str, value: str) -> str:
    """The parameter gets a value, which is a word of the shell within double quotes. The quotes around it are for the
    AWS command line, which makes a list of a value with commas else, and refuses it."""
    return f'"ParameterKey={name},ParameterValue=\\"{value}\\""'
