"""Lines that make a change set, have it judged with the sets that are nested in it, and execute it."""

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
        """The lines; files are named by the stack, so that those of several do not meet."""
        one = f"--stack-name {shlex.quote(self.stack)} --change-set-name {self.phase}"
        words = [
            f"aws cloudformation create-change-set {one} {self.template} --include-nested-stacks",
            "--capabilities CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND",
            *([f"--parameters {' '.join(self.parameters)}"] if self.parameters else []),
            *self.more,
        ]
        described = "--include-property-values --output json"
        files = [f"{self.stack}.{self.phase}.json"]
        lines = [
            " ".join(words),
            f"aws cloudformation wait change-set-create-complete {one}",
            f"aws cloudformation describe-change-set {one} {described} > {files[0]}",
        ]
        for id in self.nested:
            query = f"Changes[?ResourceChange.LogicalResourceId=='{id}'].ResourceChange.ChangeSetId"
            files.append(f"{self.stack}.{self.phase}.{id}.json")
            lines += [
                f'nested=$(aws cloudformation describe-change-set {one} --query "{query}" --output text)',
                f'aws cloudformation describe-change-set --change-set-name "$nested" {described} > {files[-1]}',
            ]
        return [
            *lines,
            f"copilot-local leave check --phase {self.phase} {' '.join(files)} --stack {shlex.quote(self.stack)}",
            f"aws cloudformation execute-change-set {one}",
        ]


def previous(name: str) -> str:
    """The parameter keeps its value."""
    return f"ParameterKey={name},UsePreviousValue=true"


def parameter(name: str, value: str) -> str:
    """The parameter gets a value, which is a word of the shell within double quotes."""
    return f'"ParameterKey={name},ParameterValue={value}"'
