"""A page a verb: what its help says, and what it printed in the recorded session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.cli.manifest.reference_chapters import table, verb_tables
from emulator.cli.reference.verb_help import VerbHelp, verb_helps
from emulator.cli.shell.app import command_line
from emulator.cli.shell.help_texts import SECTIONS
from website.markdown import converted_table
from website.session import Printed

FOLDER = "reference/verbs"


def write_verbs(pages: Path, printed: Mapping[str, Sequence[Printed]]) -> None:
    """Writes a page for each verb and one that lists them. `printed` has what verbs printed, by their words."""
    folder = pages / FOLDER
    folder.mkdir(parents=True)
    verbs = list(verb_helps(command_line()))
    for verb in verbs:
        page = folder / f"{file_of(verb)}.md"
        page.write_text(_page(verb, printed.get(verb.words, ())), encoding="utf-8")
    (folder / "index.md").write_text(_index(verbs), encoding="utf-8")


def file_of(verb: VerbHelp) -> str:
    return verb.words.replace(" ", "-")


def _index(verbs: Sequence[VerbHelp]) -> str:
    parts = ["# Verbs\n", "A page for each, made from the command line's own help.\n"]
    for title, names in SECTIONS.items():
        rows = [
            (f"[`{verb.words}`]({file_of(verb)}.md)", verb.summary)
            for name in names
            for verb in verbs
            if verb.words.partition(" ")[0] == name
        ]
        parts.append(f"## {title}\n\n{table(('verb', 'what it does'), rows)}")
    return "\n".join(parts)


def _page(verb: VerbHelp, printed: Sequence[Printed]) -> str:
    parts = [f"# {verb.words}\n", f"```text\n{verb.usage}\n```\n", converted_table(verb_tables(verb))]
    if verb.examples:
        lines = "\n".join(f"$ copilot-local {example}" for example in verb.examples)
        parts.append(f"## Examples\n\n```console\n{lines}\n```\n")
    if printed:
        parts.append("## What it prints\n\nRecorded when this page was built, in the example `shop`.\n")
        parts += [f"```console\n$ {one.command}\n{one.text}\n```\n" for one in printed]
    parts.append("[Commands](../commands.md) has the rules that verbs share.\n")
    return "\n".join(parts)
