"""The task definitions that were registered on this machine."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from emulator.api.errors import client_error
from emulator.api.registration import with_defaults
from emulator.ecs.identity import task_definition_arn
from emulator.setup.store import TASK_DEFINITIONS, Store

MISSING = "Unable to describe task definition."


@dataclass(frozen=True, slots=True)
class Name:
    """How a task definition is asked for: an ARN, `family:revision` or a family, which is its latest ACTIVE one."""

    family: str
    revision: int | None
    before: str = ""
    """What stands before the family: the beginning of an ARN."""

    @classmethod
    def of(cls, text: str) -> Name:
        """Raises `ApiError` for a revision that is no number."""
        before, slash, last = text.rpartition("/")
        family, _, revision = last.partition(":")
        if revision and not re.fullmatch(r"[0-9]{1,9}", revision):
            raise client_error(f"Invalid revision number. Number: {revision}")
        return cls(family, int(revision) if revision else None, before + slash)

    def fits(self, arn: str) -> bool:
        """Whether the task definition of this ARN, of the same family, may be meant."""
        return self.before in ("", arn[: arn.index("/") + 1])


@dataclass(frozen=True, slots=True)
class Definition:
    """One revision. `content` is what was registered; `kept` is what the task definition of a manifest was run from:
    the compiled service, and the local images."""

    family: str
    revision: int
    content: dict[str, Any]
    region: str
    account: str
    registered: float = 0
    status: str = "ACTIVE"
    ended: float = 0
    tags: list[dict[str, str]] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """With the revision."""
        return task_definition_arn(self.region, self.family, self.revision, self.account)

    def described(self) -> dict[str, Any]:
        """DescribeTaskDefinition's `TaskDefinition`."""
        found = {
            **with_defaults(self.content),
            "taskDefinitionArn": self.arn,
            "family": self.family,
            "revision": self.revision,
            "status": self.status,
            "requiresAttributes": [],
            "registeredBy": f"arn:aws:iam::{self.account}:user/local",
        }
        if self.registered:
            found["registeredAt"] = self.registered
        if self.ended:
            found["deregisteredAt"] = self.ended
        return found


class Definitions:
    """The registry. It gives revisions their numbers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Definition]:
        """Every revision but those that are deleted, by family and number."""
        found = [Definition(**one) for one in self._store.read(TASK_DEFINITIONS).values()]
        return sorted(found, key=lambda one: (one.family, one.revision))

    def find(self, name: Name) -> Definition | None:
        """A revision, or the latest ACTIVE one of a family."""
        of_family = [one for one in self.all() if one.family == name.family]
        if name.revision is not None:
            return next((one for one in of_family if one.revision == name.revision), None)
        return next((one for one in reversed(of_family) if one.status == "ACTIVE"), None)

    def register(
        self, content: dict[str, Any], tags: list[dict[str, str]], region: str, account: str, known: Iterable[int]
    ) -> Definition:
        """The next revision of a family; `known` are those of it that services run on beside."""
        family = content["family"]
        with self._store.changing(TASK_DEFINITIONS) as document:
            taken = [one["revision"] for one in document.values() if one["family"] == family]
            revision = max([0, *taken, *known]) + 1
            made = Definition(family, revision, content, region, account, round(time.time(), 3), tags=tags)
            document[f"{family}:{revision}"] = _plain(made)
        return made

    def keep(self, definition: Definition) -> None:
        """Keeps the task definition that a service has run on, so that it can go back to it."""
        with self._store.changing(TASK_DEFINITIONS) as document:
            document.setdefault(f"{definition.family}:{definition.revision}", _plain(definition))

    def change(self, definition: Definition, **values: object) -> Definition:
        """The same revision with other values."""
        with self._store.changing(TASK_DEFINITIONS) as document:
            document[f"{definition.family}:{definition.revision}"].update(values)
            return Definition(**document[f"{definition.family}:{definition.revision}"])


def _plain(definition: Definition) -> dict[str, Any]:
    return {name: getattr(definition, name) for name in Definition.__slots__}
