"""What the transforms of a listener rule make of a request, decided as the running front decides it.

Source: the Application Load Balancer's user guide, "Transforms for listener rules". Not documented, and inferred: only
the first match is replaced; the path is matched as for conditions, decoded, but for characters that no path may hold;
the host is matched without its port, which follows again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from emulator.ecs.listener.regex import read_regex, read_replacement
from emulator.ecs.service import ListenerRule, Transform
from emulator.frontdoor.haproxy.conditions import deployed_name
from emulator.frontdoor.haproxy.request import is_host
from emulator.frontdoor.haproxy.transforms import KEPT_ESCAPES, VALID_URL
from emulator.frontdoor.routing.matching import Request, normalised_path, regex_search

_KEPT = re.compile(KEPT_ESCAPES, re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a target is asked for. None stands for what the client sent: nothing matched, or the result is the same."""

    target: str | None = None
    """Path and query."""
    host: str | None = None
    """The host name; with a port only where the transform wrote one."""
    problem: str = ""
    """Why the load balancer answers 500."""


def transformed(rule: ListenerRule, request: Request) -> Transformed:
    """Applies the transforms of the rule that was chosen for a request."""
    target, host = None, None
    for transform in rule.transforms:
        if transform.type == "url-rewrite":
            target = _changed(transform, clear_target(request), fold_case=False)
            if target is not None and not re.fullmatch(VALID_URL, target):
                return Transformed(problem=f"url-rewrite makes {target!r}, which is no path and query")
        elif request.host is not None:
            host = _changed(transform, deployed_name(request.host), fold_case=True)
            if host is not None and not is_host(host):
                return Transformed(problem=f"host-header-rewrite makes {host!r}, which is no host")
    return Transformed(target, host)


def clear_target(request: Request) -> str:
    """Path and query as a url-rewrite reads them: the path decoded and normalised, the query as it was sent."""
    path = normalised_path(request.path, _KEPT)
    return (request.path if path is None else path) + ("" if request.query is None else f"?{request.query}")


def _changed(transform: Transform, text: str, *, fold_case: bool) -> str | None:
    rewrite = transform.rewrites[0]
    found = regex_search(rewrite.regex, text, fold_case=fold_case)
    if found is None:
        return None
    parts = read_replacement(rewrite.replace, read_regex(rewrite.regex).groups)
    made = "".join((found[part] or "") if isinstance(part, int) else part for part in parts)
    changed = text[: found.start()] + made + text[found.end() :]
    return changed if changed != text else None
