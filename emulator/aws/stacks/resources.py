"""A resource as a template describes it, and what is known of it once it is made."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.aws.stacks.values import Value


@dataclass(frozen=True)
class Resource:
    """A resource with its properties evaluated and their dynamic references looked up."""

    stack: str
    logical_id: str
    type: str
    properties: dict[str, Value]
    position: str = ""


@dataclass
class Made:
    """What `Ref` and `Fn::GetAtt` give. `open` attributes: any name gives a placeholder, and a warning is due."""

    ref: str
    attributes: dict[str, Value] = field(default_factory=dict)
    open: bool = False
