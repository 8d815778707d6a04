"""What cfn-lint says of a template. Its rules are read once for a process: that takes longer than any template."""

from __future__ import annotations

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

    return Runner(ConfigMixIn(**ManualArgs(regions=[REGION])))
