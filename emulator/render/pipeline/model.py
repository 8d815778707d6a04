"""A pipeline as both renderers read it: images, stages, stacks, commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from emulator.ecs.service import Build


@dataclass(frozen=True, slots=True)
class Image:
    """An image that the pipeline builds once and pushes to one region.

    `id` names it within the pipeline; `suffix` tells its tag from those of other images of the repository; `region` is
    None where it is that of the build, as `account` is, that of the repository.
    """

    id: str
    repository: str
    build: Build
    prefix: str = ""
    suffix: str = ""
    region: str | None = None
    platform: str = "linux/amd64"
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a stack's parameter names: it goes into the bucket. `file` is a path from the workspace's folder."""

    file: str
    url: bool
    """Whether the parameter takes a URL; else it takes an ARN."""


Value = Image | Upload | str
"""What a parameter of a stack is given."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack of a stage. `service` and `environment` say what is rendered into `template`: at most one of them."""

    name: str
    stack: str
    template: str
    config: str = ""
    service: str = ""
    environment: str = ""
    values: Mapping[str, Value] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    nested: bool = False
    """Whether it has a stack within it."""
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """Commands of a buildspec, and the variables that it sets."""

    lines: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    last: tuple[str, ...] = ()
    """Commands that run at the end, whatever happened."""


@dataclass(frozen=True, slots=True)
class Action:
    """Commands before or after the deployments of a stage."""

    name: str
    script: Script
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """One environment. `region` and `account` are None where the settings do not say them."""

    name: str
    approval: bool = False
    region: str | None = None
    account: str | None = None
    before: tuple[Action, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    afterwards: tuple[Action, ...] = ()
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline. `repository` is `owner/name` on GitHub, empty elsewhere; `options` are those that the renderer of
    stacks is given, such as variables."""

    app: str
    name: str
    repository: str
    branch: str
    stages: tuple[Stage, ...]
    images: tuple[Image, ...] = ()
    build: Script = Script(())
    policy: object = None
    requirement: str = "copilot-local"
    bucket: str = ""
    options: tuple[str, ...] = ()
    committed: bool = False
    """Whether the templates are in the repository; else each run renders them."""
    execution_role: bool = True
    """Whether CloudFormation acts as the role that Copilot made for each environment."""


Node = TypeVar("Node", Action, Deployment)


def waves(nodes: Sequence[Node]) -> list[list[Node]]:
    """What can run at the same time, one after the other. Waiting for each other must have been refused before."""
    left, found = {one.name: one for one in nodes}, []
    while left:
        ready = [one for one in left.values() if not any(name in left for name in one.after)]
        assert ready, "a circle is a finding"
        found.append(ready)
        left = {name: one for name, one in left.items() if one not in ready}
    return found
