"""A query that nginx did not pass on. Pure.

Source: nginx's documentation, `proxy_pass` of ngx_http_proxy_module (with variables it is asked for as it is) and
`rewrite` of ngx_http_rewrite_module (a question mark at the end).
"""

from __future__ import annotations

from emulator.trace.diagnosis.variables import variables_in
from emulator.trace.diagnosis.view import Diagnosis, View, name_of, text
from emulator.trace.requests.hops import Hop


def lost_query(view: View, number: int, hop: Hop) -> Diagnosis | None:
    """A request came with a query and went on without one: its answer may be that to another question."""
    before = view.before(hop)
    if before is None or not before.path.partition("?")[2] or "?" in hop.path:
        return None
    found = view.asked_by(hop)
    if found is None or found.route is None:
        return None
    rewrite = next(reversed(found.route.rewrites), None)
    written = found.passes.arguments[0]
    if rewrite is not None and rewrite.arguments[1].endswith("?"):
        directive, hint = rewrite, f"the `?` at the end of `{text(rewrite)}` drops it"
    elif variables_in(written):
        whole = f"{found.passes.name} {written}$is_args$args;"
        directive, hint = found.passes, f"an address with variables is asked for as it is: write `{whole}`"
    else:
        return None
    return Diagnosis(
        f"{hop.client} left out the query: it was asked for {before.path} and asked {name_of(hop)} for {hop.path}",
        hint,
        number,
        directive.position,
        certain=False,
    )
