"""What becomes of each resource type of an addon template on this machine: a chapter of the reference and of docs/."""

from __future__ import annotations

from emulator.cli.manifest.reference_chapters import table
from emulator.ecs.addons.types import TYPES, Kind
from emulator.errors import UsageError

_ORDER = (Kind.MADE, Kind.PROGRAM, Kind.NAMED, Kind.WARNED, Kind.REFUSED)


def addons() -> str:
    """The chapter of the reference."""
    return f"# Addon resource types\n\n{listing()}"


def listing() -> str:
    """Every type that is known, what is made most first. All other types are refused."""
    rows = sorted(TYPES.items(), key=lambda row: (_ORDER.index(row[1].kind), row[0]))
    return table(("type", "here", ""), ((f"`{name}`", found.kind.value, found.text) for name, found in rows))


def with_types(page: str) -> str:
    """The page docs/how-to/addons.md with its table written anew: everything below the heading "Types"."""
    head, heading, _ = page.partition("\n## Types\n")
    if not heading:
        raise UsageError('the page has no heading "## Types"', hint="give docs/how-to/addons.md")
    return f"{head}{heading}\n{listing()}"
