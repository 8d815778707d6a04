"""Headers that a proxy did not pass on because of what they are called. Pure."""

from __future__ import annotations

import re

from emulator.trace.diagnosis.view import Diagnosis, View, name_of
from emulator.trace.requests.changes import Kind
from emulator.trace.requests.hops import Hop

_FITS = re.compile(r"[A-Za-z0-9-]+")


def dropped_names(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """nginx leaves out headers whose names have an underscore or another character that it calls invalid.

    Source: `underscores_in_headers` and `ignore_invalid_headers` of ngx_http_core_module.
    """
    before = view.before(hop)
    gone = [one.name for one in hop.request_changes if one.kind is Kind.REMOVED and not _FITS.fullmatch(one.name)]
    if before is None or not gone or not before.task or not view.passed_on(hop):
        return None
    known = bool(view.configuration(before))
    if known and _on(view, before, "underscores_in_headers", default=False):
        gone = [name for name in gone if not _FITS.fullmatch(name.replace("_", "-"))]
    if not gone or (known and not _on(view, before, "ignore_invalid_headers", default=True)):
        return None
    names = ", ".join(gone)
    off = next(iter(view.effective(before, "underscores_in_headers")), None)
    does = "nginx does so" if known else "nginx and others do so"
    only_underscores = all(_FITS.fullmatch(name.replace("_", "-")) for name in gone)
    setting = "underscores_in_headers on;" if only_underscores else "ignore_invalid_headers off;"
    return Diagnosis(
        f"{hop.client} did not pass on {names}: {does} with names that have an underscore or the like, and"
        f" {name_of(hop)} did not get {'them' if len(gone) > 1 else 'it'}",
        f"call {'them' if len(gone) > 1 else 'it'} {', '.join(re.sub('[^A-Za-z0-9]', '-', name) for name in gone)},"
        f" or write `{setting}` in the server block",
        number,
        off.position if off else None,
        certain=False,
    )


def _on(view: View, hop: Hop, name: str, *, default: bool) -> bool:
    found = view.effective(hop, name)
    return found[0].arguments[:1] == ("on",) if found else default
