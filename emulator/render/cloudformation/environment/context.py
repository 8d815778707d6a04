"""What all parts of an environment's stack are made with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from emulator.ecs.environment.model import Environment, ImportedVpc
from emulator.errors import Position
from emulator.render.cloudformation.intrinsics import Ref
from emulator.render.cloudformation.options import AddonsForm
from emulator.render.cloudformation.template import RETAINED, Properties, Template


@dataclass(frozen=True, slots=True)
class EnvironmentOptions:
    """How an environment is rendered. `in_place`: the template takes the place of Copilot's in the stack that Copilot
    made; else it makes a new environment."""

    in_place: bool = False
    delegate: bool = True
    """Whether records go into the zones of the application and of its domain, which are then in this account."""
    addons: AddonsForm | None = None
    """Whether addon resources are part of the stack or a stack within it. None: nested in place, as Copilot has them
    (moving a table to another stack would make a new, empty one), inline else."""
    permissions_boundary: str | None = None
    defaults: Mapping[str, str] = field(default_factory=dict)
    """Defaults of the stack's parameters, by the parameter's name."""

    @property
    def nested_addons(self) -> bool:
        """Whether addons are a stack of their own."""
        return (self.addons or ("nested" if self.in_place else "inline")) == "nested"


@dataclass(frozen=True, slots=True)
class Context:
    """The template that grows, and what it is made of."""

    template: Template
    environment: Environment
    options: EnvironmentOptions

    @property
    def imported(self) -> ImportedVpc | None:
        """The existing VPC, None where the stack makes one."""
        return self.environment.vpc if isinstance(self.environment.vpc, ImportedVpc) else None

    def vpc(self) -> object:
        """The VPC's id."""
        return self.imported.id if self.imported else Ref("VPC")

    def public_subnets(self) -> list[object]:
        """The ids of the public subnets."""
        return self._subnets("Public", self.environment.vpc.public)

    def private_subnets(self) -> list[object]:
        """The ids of the private subnets."""
        return self._subnets("Private", self.environment.vpc.private)

    def _subnets(self, side: str, given: Sequence[str]) -> list[object]:
        if self.imported:
            return list(given)
        return [Ref(f"{side}Subnet{number}") for number in range(1, len(given) + 1)]

    def tags(self, end: str = "") -> list[Properties]:
        """The name that people see in the console."""
        return [{"Key": "Name", "Value": f"copilot-{self.environment.app}-{self.environment.name}{end}"}]

    def position(self, place: str) -> Position | None:
        """Where a part of the manifest stands, or the part that it is in."""
        while place and place not in self.environment.positions:
            place = place.rpartition(".")[0]
        return self.environment.positions.get(place)

    def retained(self, name: str, type: str, properties: Properties, *, comment: str = "", place: str = "") -> Ref:
        """Adds a resource that outlives its stack."""
        found = self.template.resource(name, type, properties, comment=comment, position=self.position(place))
        self.template.resources[name].other = dict(RETAINED)
        return found


def for_services(names: Sequence[str]) -> str:
    """Whom a part is for, as comments have it."""
    return f"for {', '.join(names)}"
