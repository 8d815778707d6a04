"""`copilot-local reference`: everything there is to look up, as this version has it."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from emulator.errors import UsageError
from emulator.files import read_text


class Topic(enum.StrEnum):
    """A chapter of the reference."""

    COMMANDS = "commands"
    SETTINGS = "settings"
    MANIFEST = "manifest"
    FINDINGS = "findings"
    ADDONS = "addons"
    TESTING = "testing"


def reference(
    topics: Annotated[list[Topic] | None, typer.Argument(metavar="[TOPIC]...", help="Chapters. Default: all.")] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            metavar="FILE",
            help="With findings or addons: write them into their page, docs/reference/findings.md or "
            "docs/how-to/addons.md.",
        ),
    ] = None,
    man: Annotated[
        bool, typer.Option("--man", help="Print the manual page copilot-local(1) instead, for `man` to show.")
    ] = False,
) -> None:
    """Print the reference as Markdown, made from the code: commands, settings, manifest, findings, addons, testing."""
    from emulator.cli.manifest import reference_addons, reference_chapters, reference_findings, reference_manifest

    if man:
        if topics or into is not None:
            raise UsageError("--man takes no chapter and no --into", hint="copilot-local reference --man | man -l -")
        from emulator.cli.reference.manual_page import manual_page

        typer.echo(manual_page(), nl=False)
        return
    if into is not None:
        pages = {Topic.FINDINGS: reference_findings.with_listing, Topic.ADDONS: reference_addons.with_types}
        if topics is None or len(topics) != 1 or topics[0] not in pages:
            raise UsageError(
                "--into is for the chapter findings or addons alone", hint=f"reference findings --into {into}"
            )
        into.write_text(pages[topics[0]](read_text(into)), encoding="utf-8")
        return
    chapters = {
        Topic.COMMANDS: reference_chapters.commands,
        Topic.SETTINGS: reference_chapters.settings,
        Topic.MANIFEST: reference_manifest.manifest,
        Topic.FINDINGS: reference_findings.findings,
        Topic.ADDONS: reference_addons.addons,
        Topic.TESTING: reference_chapters.testing,
    }
    typer.echo("\n".join(chapters[topic]() for topic in topics or list(Topic)))
