"""`copilot-local reference`: everything there is to look up, as this version has it."""

from __future__ import annotations

import enum
from typing import Annotated

import typer


class Topic(enum.StrEnum):
    """A chapter of the reference."""

    COMMANDS = "commands"
    SETTINGS = "settings"
    MANIFEST = "manifest"
    FINDINGS = "findings"
    TESTING = "testing"


def reference(
    topics: Annotated[list[Topic] | None, typer.Argument(metavar="[TOPIC]...", help="Chapters. Default: all.")] = None,
) -> None:
    """Print the reference as Markdown, made from the code: commands, settings, manifest, findings, testing."""
    from emulator.cli.manifest import reference_chapters, reference_manifest

    chapters = {
        Topic.COMMANDS: reference_chapters.commands,
        Topic.SETTINGS: reference_chapters.settings,
        Topic.MANIFEST: reference_manifest.manifest,
        Topic.FINDINGS: reference_chapters.findings,
        Topic.TESTING: reference_chapters.testing,
    }
    typer.echo("\n".join(chapters[topic]() for topic in topics or list(Topic)))
