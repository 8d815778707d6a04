"""The task definitions that were registered on this machine."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
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

    @property
    def region(self) -> str:
        """That of an ARN; empty where the request's is meant."""
        return self.before.split(":")[3] if self.before.count(":") > 3 else ""

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
    """The registry. Each region has families and revisions of its own; it gives these their numbers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self) -> list[Definition]:
        """Every revision of every region, by family and number."""
        found = [Definition(**one) for one in self._store.read(TASK_DEFINITIONS).values()]
        return sorted(found, key=lambda one: (one.family, one.revision))

    def revision(self, name: Name, region: str) -> Definition | None:
        """The one of a name with a revision, by which a request in a region asks."""
        wanted = (name.region or region, name.family, name.revision)
        found = (one for one in self.all() if (one.region, one.family, one.revision) == wanted)
        return next((one for one in found if name.fits(one.arn)), None)

    def register(
        self, content: dict[str, Any], tags: list[dict[str, str]], region: str, account: str, known: Iterable[int]
    ) -> Definition:
        """The next revision of a family in a region; `known` are those of it that services run on beside."""
        family = content["family"]
        with self._store.changing(TASK_DEFINITIONS) as document:
            own = [one for one in document.values() if (one["region"], one["family"]) == (region, family)]
            revision = max([0, *(one["revision"] for one in own), *known]) + 1
            made = Definition(family, revision, content, region, account, round(time.time(), 3), tags=tags)
            document[_key(document, made)] = asdict(made)
        return made

    def keep(self, definition: Definition) -> None:
        """Keeps the task definition that a service has run on, so that it can go back to it."""
        with self._store.changing(TASK_DEFINITIONS) as document:
            document.setdefault(_key(document, definition), asdict(definition))

    def change(self, definition: Definition, **values: object) -> Definition:
        """The same revision with other values."""
        with self._store.changing(TASK_DEFINITIONS) as document:
            kept = document[_key(document, definition)]
            kept.update(values)
            return Definition(**kept)


def _key(document: Mapping[str, Any], definition: Definition) -> str:
    """Where a revision is in the document, or is to be. Those of earlier versions are there without their region."""
    wanted = (definition.region, definition.family, definition.revision)
    found = (key for key, one in document.items() if (one["region"], one["family"], one["revision"]) == wanted)
    return next(found, ":".join(map(str, wanted)))
