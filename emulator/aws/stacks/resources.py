"""A resource as a template describes it, and what is known of it once it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.aws.stacks.names import LONGEST, physical_name
from emulator.aws.stacks.values import Value, text


@dataclass(frozen=True)
class Resource:
    """A resource with its properties evaluated and their dynamic references looked up."""

    stack: str
    logical_id: str
    type: str
    properties: dict[str, Value]
    position: str = ""

    @property
    def key(self) -> str:
        """`<stack>/<logical id>`: what a database is found by."""
        return f"{self.stack}/{self.logical_id}"

    def name(self, property: str, *, most: int = LONGEST, lower: bool = False, suffix: str = "") -> str:
        """The name that a property gives, else one for this stack and logical id: see `physical_name`."""
        made = physical_name(self.stack, self.logical_id, most=most, lower=lower, suffix=suffix)
        return text(self.properties.get(property) or made)


@dataclass
class Made:
    """What `Ref` and `Fn::GetAtt` give. `open` attributes: any name gives a placeholder, and a warning is due."""

    ref: str
    attributes: dict[str, Value] = field(default_factory=dict)
    open: bool = False
