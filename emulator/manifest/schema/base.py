"""What every block of the schema is built from. The rest of the room (decoding, merging, did-you-mean, JSON Schema)
reads the models through these few conventions, so that a field is described in one place only."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import ConfigDict

from emulator.model import FrozenModel


@dataclass(frozen=True, slots=True)
class Key:
    """How a field is spelled in the file, as metadata of its annotation.

    `name` is the key where it differs from the attribute. `legacy` are published older spellings that work, with a
    note. `default` says, in the manifest's own notation, what applies where the key is absent. `hidden` marks an
    attribute that is no key: a shorthand fills it.
    """

    name: str = ""
    legacy: tuple[str, ...] = ()
    default: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Bits:
    """The Go integer type of a field, which bounds its values: `Bits(16, signed=False)` is uint16."""

    size: int
    signed: bool = True

    @property
    def lowest(self) -> int:
        return -(2 ** (self.size - 1)) if self.signed else 0

    @property
    def highest(self) -> int:
        return int(2 ** (self.size - 1)) - 1 if self.signed else int(2**self.size) - 1


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """A list field that takes a single item too (`alias: example.com`)."""


@dataclass(frozen=True, slots=True)
class ShellWords:
    """A list of words that may be written as one string, split as github.com/google/shlex does."""


UINT16 = Bits(16, signed=False)
INT64 = Bits(64)


class Block(FrozenModel):
    """A map in the manifest.

    Attributes are the keys in snake_case; a trailing underscore keeps a Python keyword apart (`in_`). Absent and null
    keys are None or empty unless Copilot sets a default before it decodes (`cpu`, `memory`, `count`, placement).

    Class variables describe the forms other than a map:
    `short`   a scalar or list is decoded as the field of this name (`build: ./Dockerfile` is `build.dockerfile`);
    `switch`  a boolean form: `true` is the block with its defaults, `false` is no block at all (None);
    `parsed`  a scalar is given to `parse`, which returns the block or raises ValueError with the reason;
    `parsed_only` there is no map form besides;
    `swallows` Copilot drops type errors inside the map form and leaves zero values behind (its custom UnmarshalYAML
               discards yaml.TypeError); such values are findings here;
    `union`   Copilot decodes the block as one of two types: in an environment's override the other form is discarded;
    `empty_is_none` a map in which nothing is set is no block at all;
    `blank_is_none` an empty text is no block at all;
    `null`    null stands for an empty block, not for absence (`variables: {A: }` is an empty string).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    short: ClassVar[str] = ""
    switch: ClassVar[bool] = False
    parsed: ClassVar[bool] = False
    parsed_only: ClassVar[bool] = False
    swallows: ClassVar[bool] = False
    union: ClassVar[bool] = False
    empty_is_none: ClassVar[bool] = False
    blank_is_none: ClassVar[bool] = False
    null: ClassVar[bool] = False

    def __deepcopy__(self, memo: dict[int, object] | None = None) -> Self:
        """Blocks do not change, so that defaults need not be copied."""
        del memo
        return self

    @classmethod
    def parse(cls, text: str) -> Self:
        """The block that a scalar stands for. Raises ValueError where it stands for none."""
        raise NotImplementedError(text)
