"""What there is to say of one kind of finding."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from emulator.manifest.findings.codes import Code

MANIFEST: Final = "copilot/web/manifest.yml"
"""The file of most examples."""
VALIDATE: Final = "internal/pkg/manifest/validate.go"
"""Where Copilot checks manifests."""


class FindingKind:
    """One kind of finding: its code, what it means, and an example. Subclasses are all there is; none is instantiated.

    Texts may be indented as the class is.
    """

    code: ClassVar[Code]
    """Never changes its meaning."""
    title: ClassVar[str] = ""
    """A few words, without a full stop."""
    silenceable: ClassVar[bool] = True
    """False where an error of this kind leaves no usable manifest behind."""
    explanation: ClassVar[str] = ""
    """Why it matters: what Copilot or ECS does. Markdown."""
    source: ClassVar[str] = ""
    """Where the rule is from: the code of Copilot, or AWS's documentation."""
    command: ClassVar[str] = "validate"
    """The command that reports `bad`."""
    note: ClassVar[str] = ""
    """When it is looked for, where that is not each time that the manifest is read."""
    file: ClassVar[str] = MANIFEST
    """The file that `bad` and `good` are, relative to the workspace."""
    bad: ClassVar[str] = ""
    """The smallest file in which `command` finds this, and nothing else. Empty where no file leads to it."""
    good: ClassVar[str] = ""
    """The same without a finding."""
    beside: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Other files of the example: their paths in the workspace, and what is in them."""

    def __init_subclass__(cls) -> None:
        cls.explanation = dedent(cls.explanation).strip()
        cls.bad, cls.good = (dedent(text).removeprefix("\n") for text in (cls.bad, cls.good))
        cls.beside = tuple((path, dedent(text).removeprefix("\n")) for path, text in cls.beside)
