"""The checks of the contract: what a program does with AWS, what AWS answers, and where a driver is known to differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.unit.aws.contract.programs import Aws

Act = Callable[[Aws], Any]
DRIVERS = ("embedded", "moto")


@dataclass(frozen=True)
class Differs:
    """What a driver answers in place of AWS's answer."""

    answer: Any
    words: str = ""
    """What happens, for the documentation."""


VARIES = Differs(None)
"""The driver is not asked: its answer differs from time to time, or needs a part of it that is not installed."""


@dataclass(frozen=True)
class Check:
    """One behaviour of AWS."""

    id: str
    text: str
    act: Act
    """Does what a program does, and returns what it sees."""
    right: Any
    """What it sees on AWS."""
    known: dict[str, Differs] = field(default_factory=dict)
    """By driver."""

    def expected(self, driver: str) -> Any:
        """What a program sees with a driver."""
        return self.known[driver].answer if driver in self.known else self.right

    def asked(self, driver: str) -> bool:
        """Whether a driver always answers the same."""
        return self.known.get(driver) is not VARIES

    def seen(self, aws: Aws) -> Any:
        """What a program sees; an error that it does not expect as its code, or its type where it has none."""
        try:
            return self.act(aws)
        except ClientError as error:
            return f"error {error.response['Error']['Code']}"
        except Exception as error:
            return f"error {type(error).__name__}"


class Checks:
    """The checks of one service, in order."""

    def __init__(self, service: str, name: str) -> None:
        self.service = service
        """As AWS calls it."""
        self._name = name
        self.all: list[Check] = []

    def __call__(self, text: str, right: Any, **known: Differs) -> Callable[[Act], Act]:
        """Adds a check. `text`: what is right, as a sentence; `known`: differences by driver."""
        unknown = set(known) - set(DRIVERS)
        if unknown:
            raise ValueError(f"no such driver: {unknown}")

        def added(act: Act) -> Act:
            self.all.append(Check(f"{self._name}-{len(self.all) + 1}", text, act, right, known))
            return act

        return added
