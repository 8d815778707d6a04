"""What a stack is rendered with besides the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

AddonsForm = Literal["inline", "nested"]
OF_MANIFEST: Final = ("Schedule", "TaskCount")
"""Parameters whose default is what the manifest says: they are given at every deployment of a stack that exists."""


@dataclass(frozen=True, slots=True)
class StackOptions:
    """`in_copilot_environment`: the stack goes into an environment that Copilot made and imports what that exports;
    else it stands alone in a VPC and a cluster."""

    in_copilot_environment: bool = False
    environment_parameters: bool = False
    """What older versions of Copilot do not export from an environment (listeners, load balancers, the file system) is
    a parameter each, in place of an import."""
    addons: AddonsForm | None = None
    """Whether addon resources are part of the stack or a stack within it. None: nested in Copilot's environment, as
    Copilot has them (moving a table to another stack would make a new, empty one), inline else."""
    values: Mapping[str, str] = field(default_factory=dict)
    """Known values by name (`emulator.ecs.references.value_name`), which become defaults of parameters."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Defaults of the stack's parameters, by the parameter's name."""
    express: bool = False
    """The service is an Express Mode service of ECS, which makes load balancer and scaling itself."""
    permissions_boundary: str | None = None
    """Name or ARN of the policy that bounds every role."""
    app_account: str | None = None
    """The account of the repositories of what is built; None: the stack's own."""

    retain: frozenset[str] = frozenset()
    """Types of resources that stay when they leave the stack, or are replaced in it, unless an addon says otherwise."""

    @property
    def nested_addons(self) -> bool:
        return (self.addons or ("nested" if self.in_copilot_environment else "inline")) == "nested"
