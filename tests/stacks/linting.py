"""What cfn-lint says of a template. Its rules are read once for a process: that takes longer than any template."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any

REGION = "us-west-2"


@dataclass(frozen=True)
class Finding:
    """One match of a rule."""

    rule: str
    message: str
    line: int

    def __str__(self) -> str:
        return f"{self.rule} {self.message} (line {self.line})"


def findings(template: str) -> list[Finding]:
    """Everything that cfn-lint reports of this text, for the region of the tests."""
    from cfnlint.decode.decode import decode_str

    document, matches = decode_str(template)
    if not matches:
        matches = list(_runner().validate_template(document))
    return [Finding(it.rule.id, it.message, it.linenumber) for it in matches]


@cache
def _runner() -> Any:
    from cfnlint.config import ConfigMixIn, ManualArgs
    from cfnlint.runner import Runner

    _remember()
    return Runner(ConfigMixIn(**ManualArgs(regions=[REGION])))


def _remember() -> None:
    """Lets cfn-lint make once what it makes of equal arguments. Over a hundred templates it compiles the classes of 13
    kinds of validators 5,500 times, and looks up the fields of three classes a million times: a third of its time."""
    from cfnlint.context import context
    from cfnlint.jsonschema import _filter, validators

    for module in (context, _filter, validators):
        module.fields = cache(dataclasses.fields)
    create, made = validators.create, {}

    def remembered(validators: Any, function_filter: Any, fn_resolvers: Any) -> Any:
        key = (frozenset(validators.items()), repr(function_filter), frozenset(fn_resolvers.items()))
        if key not in made:
            made[key] = create(validators, function_filter, fn_resolvers)
        return made[key]

    validators.create = remembered
