"""A page a finding: what it means, a manifest that has it and one that does not."""

from __future__ import annotations

from pathlib import Path

from emulator.cli.manifest.reference_findings import section
from emulator.manifest.findings.catalogue import KINDS

FOLDER = "reference/findings"


def write_findings(pages: Path) -> None:
    """Writes the pages; docs/reference/findings.md lists them."""
    folder = pages / FOLDER
    folder.mkdir(parents=True)
    for kind in KINDS.values():
        text = section(kind).lstrip().replace(f"## {kind.code}\n", f"# {kind.code}: {kind.title}\n", 1)
        silent = (
            f"Silence it with `[validate] ignore`, or in the manifest with `# copilot-local: ignore {kind.code}`."
            if kind.silenceable
            else "It cannot be silenced as an error: it leaves no usable manifest behind."
        )
        (folder / f"{kind.code}.md").write_text(f"{text}\n{silent} [All findings](../findings.md).\n", encoding="utf-8")
