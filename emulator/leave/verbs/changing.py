"""Lines that make a change set and have it judged with the sets that are nested in it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChangeSetLines:
    """A change set to be made. `phase` is its name, and that of `leave check`; `template` the options that name the
    template; `parameters` words of `--parameters`; `nested` logical ids of the stacks in it; `more` other options."""

    stack: str
    phase: str
    template: str
    parameters: Sequence[str] = ()
    nested: Sequence[str] = ()
    more: Sequence[str] = ()

    @property
    def lines(self) -> list[str]:
        """Makes, describes and judges it; files are named by the stack, so that those of several do not meet. Nested
        sets come by variables of the shell, which are empty where CloudFormation made none."""
        words = [
            f"aws cloudformation create-change-set {self._one} {self.template} --change-set-type UPDATE",
            "--include-nested-stacks --capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND",
            *([f"--parameters {' '.join(self.parameters)}"] if self.parameters else []),
            *self.more,
        ]
        described = "--include-property-values --output json"
        file = f"{self.stack}.{self.phase}"
        lines = [
            " ".join(words),
            f"aws cloudformation wait change-set-create-complete {self._one}",
            f"aws cloudformation describe-change-set {self._one} {described} > {file}.json",
        ]
        files = [f"{file}.json"]
        for id in self.nested:
            query = f"Changes[?ResourceChange.LogicalResourceId=='{id}'].ResourceChange.ChangeSetId"
            files.append(f"${{{id}:+{file}.{id}.json}}")
            lines += [
                f'{id}=$(aws cloudformation describe-change-set {self._one} --query "{query}" --output text)',
                f'[ -z "${id}" ] || aws cloudformation describe-change-set --change-set-name "${id}" {described}'
                f" > {file}.{id}.json",
            ]
        check = f"copilot-local leave check --phase {self.phase} {' '.join(files)} --stack {shlex.quote(self.stack)}"
        return [*lines, check]

    @property
    def execute(self) -> str:
        """Executes it."""
        return f"aws cloudformation execute-change-set {self._one}"

    @property
    def _one(self) -> str:
        return f"--stack-name {shlex.quote(self.stack)} --change-set-name {self.phase}"


def previous(name: str) -> str:
    """The parameter keeps its value."""
    return f"ParameterKey={name},UsePreviousValue=true"


def parameter(name: str, value: str) -> str:
    """The parameter gets a value, which is a word of the shell within double quotes."""
    return f'"ParameterKey={name},ParameterValue={value}"'
