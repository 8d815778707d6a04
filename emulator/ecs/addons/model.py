"""What a workload's addon templates add to its stack."""

from emulator.errors import Position
from emulator.model import JsonValue, Model


class Addons(Model):
    """All addon templates of a workload as one template. Functions are in CloudFormation's long form (`Fn::Sub`)."""

    sections: dict[str, dict[str, JsonValue]] = {}
    """`Parameters`, `Conditions`, `Resources`, `Outputs`, `Mappings`, `Metadata`; not those that are absent."""
    transforms: list[JsonValue] = []
    """Each its name, or a map with `Name` and `Parameters`."""
    parameters: dict[str, JsonValue] = {}
    """Values of the template's own parameters; they may refer to resources of the workload's stack."""
    positions: dict[str, Position] = {}
    """`Resources.Table` and the like to where it stands; `Values.Size` is that of a parameter's value."""

    def section(self, name: str) -> dict[str, JsonValue]:
        """The entries of a section, none where it is absent."""
        return self.sections.get(name, {})


class TemplatePatch(Model):
    """A change to the finished template, as `overrides/cfn.patches.yml` asks for it (JSON Patch)."""

    op: str
    """`add`, `remove` or `replace`."""
    path: list[str]
    """The keys and indexes of the path, unescaped."""
    value: JsonValue = None
    position: Position | None = None
