"""What there is to say of findings: of one for the terminal, of all as a chapter of the reference and of docs/."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.cli.manifest.reference_chapters import table
from emulator.errors import UsageError
from emulator.manifest.findings.catalogue import KINDS
from emulator.manifest.findings.catalogue.base import MANIFEST, FindingKind
from emulator.manifest.findings.codes import CODES
from emulator.spelling import closest

_NEVER = "never silent"


def explanation(code: str) -> str:
    """Everything about one finding, for a terminal. Raises UsageError for a code that is none, with the nearest."""
    kind = KINDS.get(code.strip().upper())
    if kind is None:
        raise UsageError(f"there is no finding {code}", hint=_nearest(code))
    parts = [f"{kind.code}: {kind.title}", kind.explanation]
    if kind.note:
        parts.append(f"Note: {kind.note}.")
    parts += [f"{caption}:\n\n{_indented(text)}" for caption, text in _examples(kind)]
    silent = f"by [validate] ignore in copilot-local.toml, or in a manifest by `# copilot-local: ignore {kind.code}`"
    parts.append(f"Silenced {silent}." if kind.silenceable else f"An error of this kind is {_NEVER}.")
    parts.append(f"Source: {kind.source}.")
    return "\n\n".join(parts)


def _nearest(code: str) -> str:
    """The code that was probably meant: by its signs, else by its number."""
    written = code.strip().upper().replace("O", "0").replace("I", "1")
    meant = closest(written, CODES)
    number = re.fullmatch(r"(?:CL)?(\d{1,4})", written)
    if not meant and number:
        meant = min(CODES, key=lambda known: abs(int(known.removeprefix("CL")) - int(number[1])))
    if not meant:
        return "`copilot-local reference findings` has all codes, such as CL101"
    return f"did you mean {meant} ({KINDS[meant].title})?"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines())


def _examples(kind: type[FindingKind]) -> Iterator[tuple[str, str]]:
    """The files of the example with their captions: the wrong one, the right one, and what is beside them."""
    if not kind.bad:
        return
    where = "" if kind.file == MANIFEST else f", `{kind.file}`"
    yield f"Wrong{where}", kind.bad
    yield f"Right{where}", kind.good
    for path, text in kind.beside:
        yield f"With `{path}`", text


def findings() -> str:
    """The chapter of the reference: every finding that a check of a manifest may report."""
    return f"# Findings\n\n{listing()}"


def listing() -> str:
    """All codes as a table, then each with its explanation and example. Markdown, without a title."""
    rows = [(f"[{kind.code}](#{kind.code.lower()})", kind.title, _remark(kind)) for kind in KINDS.values()]
    return table(("code", "meaning", ""), rows) + "".join(section(kind) for kind in KINDS.values())


def _remark(kind: type[FindingKind]) -> str:
    return "; ".join(text for text in ("" if kind.silenceable else _NEVER, kind.note) if text)


def section(kind: type[FindingKind]) -> str:
    """One finding in Markdown, below a heading of its code."""
    parts = [f"\n## {kind.code}\n", f"**{kind.title[0].upper()}{kind.title[1:]}**\n", f"{kind.explanation}\n"]
    for caption, text in _examples(kind):
        parts.append(f"{caption}:\n\n```{_language(text)}\n{text}```\n")
    parts.append(f"Source: {kind.source}.\n")
    return "\n".join(parts)


def _language(text: str) -> str:
    return "json" if text.startswith("{") else "yaml" if text.startswith(("name:", "- op:", "Parameters:")) else ""


def with_listing(page: str) -> str:
    """The page docs/reference/findings.md with its listing written anew: everything below the heading "Codes"."""
    head, heading, _ = page.partition("\n## Codes\n")
    if not heading:
        raise UsageError('the page has no heading "## Codes"', hint="give docs/reference/findings.md")
    return f"{head}{heading}\n{listing()}"
