"""Actions of a listener rule as HAProxy directives.

All `http-request` rules run before any `use_backend`, so a rule is first chosen into `txn.rule` (its priority) and its
action is guarded by that: a redirect of low priority would else win over a forward of high priority.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from emulator.ecs.service import FixedResponse, Forward, Redirect
from emulator.frontdoor.balancers import Listener
from emulator.frontdoor.haproxy.pages import SERVER, page_path
from emulator.frontdoor.haproxy.text import literal, quote
from emulator.frontdoor.options import OPEN, FrontOptions, backend_name
from emulator.frontdoor.routing.rules import PlacedRule

DATE = "hdr Date '%[date,http_date]'"
SERVER_HEADER = f"hdr Server {SERVER}"
GROUP_COOKIE = "AWSALBTG"

_KEYWORD = re.compile(r"#\{(protocol|host|port|path|query)\}")


def guard(*priorities: int) -> str:
    """True where a rule of one of these priorities was chosen."""
    return f"{{ var(txn.rule) -m str {' '.join(map(str, priorities))} }}"


def generated(code: int, folder: str, condition: str, *headers: str) -> str:
    """A directive that answers with the page of a status code."""
    parts = [
        f"http-request return status {code} content-type text/html",
        f"file {folder}/{page_path(code)} {SERVER_HEADER} {DATE}",
        *headers,
        condition,
    ]
    return " ".join(parts)


def fixed_response(placed: PlacedRule, action: FixedResponse, listener: Listener, folder: str) -> list[str]:
    """Answers with the rule's own text; its file comes from `fixed_response_file`."""
    body = ""
    if action.message_body:
        content_type = quote(f"{action.content_type or 'text/plain'}; charset=utf-8")
        body = f" content-type {content_type} file {folder}/{fixed_response_path(placed, listener)}"
    return [f"http-request return status {action.status_code}{body} {SERVER_HEADER} {DATE} if {guard(placed.priority)}"]


def fixed_response_path(placed: PlacedRule, listener: Listener) -> str:
    """Where the body of a fixed response stands, relative to the front's folder."""
    return f"pages/fixed-{listener.lower()}-{placed.priority}"


def redirect(placed: PlacedRule, action: Redirect, listener: Listener, folder: str, options: FrontOptions) -> list[str]:
    """Answers with a `Location` that always spells its port, as an ALB's does."""
    renamed = any(transform.type == "host-header-rewrite" for transform in placed.rule.transforms)
    samples = {
        "protocol": listener.lower(),
        "port": str(listener_port(listener, options)),
        "host": "%[req.fhdr(host,1),host_only]" if renamed else "%[var(txn.host)]",
        "path": "%[path,regsub(^/,)]",
        "query": "%[query]",
    }
    before_query, query = location_template(action, listener, options)
    location = expand(literal(before_query), samples)
    with_query = f"{location}?{expand(literal(query), samples)}"

    def answer(target: str, condition: str) -> str:
        chosen = f"if {guard(placed.priority)}{condition}"
        return generated(action.status_code, folder, chosen, f"hdr Location {quote(target)}")

    if query == "#{query}":
        # A request without a query gets a Location without a question mark.
        return [answer(with_query, " { query -m len gt 0 }"), answer(location, "")]
    return [answer(with_query if query else location, "")]


def location_template(action: Redirect, listener: Listener, options: FrontOptions) -> tuple[str, str]:
    """A redirect's `Location` up to the query, and the query, with keywords such as `#{path}` still in them."""
    protocol = action.protocol.lower().replace("#{protocol}", listener.lower())
    port = redirect_port(action, protocol, listener, options)
    return f"{protocol}://{action.host}:{port}{action.path}", action.query


def expand(template: str, values: Mapping[str, str]) -> str:
    """A template of a redirect with its keywords replaced."""
    parts = _KEYWORD.split(template)
    return "".join(values[part] if index % 2 else part for index, part in enumerate(parts))


def redirect_port(action: Redirect, protocol: str, listener: Listener, options: FrontOptions) -> str:
    """The port of a `Location`. 80 and 443 are where the deployed listeners are; here they are published elsewhere."""
    if action.port == "#{port}":
        return str(listener_port(listener, options))
    if action.port == "443" and protocol == "https" and options.https:
        return str(options.https.listener_port)
    if action.port == "80" and protocol == "http":
        return str(options.listener_port)
    return action.port


def listener_port(listener: Listener, options: FrontOptions) -> int:
    """The port that clients of a listener connect to."""
    if listener == "HTTPS" and options.https:
        return options.https.listener_port
    return options.listener_port


def forward(placed: PlacedRule, action: Forward) -> list[str]:
    """Chooses the target group into `txn.group`; nothing is chosen where all weights are 0."""
    groups = _groups(placed, action)
    chosen = guard(placed.priority)
    total = sum(weight for _, weight in groups)
    if len(groups) == 1 or total == 0:  # `group_map` has a single one
        return []
    lines = []
    if action.stickiness_duration:
        # A cookie keeps its group even at weight 0, as long as the rule still names it.
        lines += [
            f"http-request set-var(txn.group) str({name})"
            f" if {chosen} {{ req.cook({GROUP_COOKIE}),b64dec -m str {name} }}"
            for name, _ in groups
        ]
    free = "!{ var(txn.group) -m found }"
    lines.append(f"http-request set-var(txn.share) rand({total}) if {chosen} {free}")
    upper = 0
    for name, weight in groups:
        upper += weight
        if weight:
            lines.append(
                f"http-request set-var(txn.group) str({name}) if {chosen} {free} {{ var(txn.share) -m int lt {upper} }}"
            )
    if action.stickiness_duration:
        lines.append(f"http-request set-var(txn.sticky) bool(true) if {chosen}")
    return lines


def group_map(rules: Sequence[PlacedRule]) -> dict[str, str]:
    """The target group of each rule that forwards to a single one, by the rule's priority: a lookup in a map costs the
    same for a hundred rules as for one."""
    found = {}
    for placed in rules:
        if isinstance(placed.rule.action, Forward):
            groups = _groups(placed, placed.rule.action)
            if len(groups) == 1 and groups[0][1]:
                found[str(placed.priority)] = groups[0][0]
    return found


def group_map_path(listener: Listener) -> str:
    """Where that map stands, relative to the front's folder."""
    return f"groups-{listener.lower()}.map"


def group_map_line(listener: Listener, folder: str) -> str:
    """Chooses the target group of a rule that forwards to a single one."""
    return f"http-request set-var(txn.group) var(txn.rule),map_str({folder}/{group_map_path(listener)})"


def _groups(placed: PlacedRule, action: Forward) -> list[tuple[str, int]]:
    """Backends and their weights."""
    return [(backend_name(placed.service.name, item.target_group), item.weight) for item in action.target_groups]


_NONE_HEALTHY = "{ var(txn.group),nbsrv eq 0 }"
_OPEN = "{ var(txn.open) -m found }"
_NONE_AT_ALL = f"{{ str({OPEN}),concat(,txn.group),nbsrv eq 0 }}"


def empty_group_lines(folder: str) -> list[str]:
    """503 where a target group has no target that a request could go to; sets `txn.open` where it has none healthy."""
    return [
        f"http-request set-var(txn.open) bool(true) if {_NONE_HEALTHY}",
        generated(503, folder, f"if {_OPEN} {_NONE_AT_ALL}"),
    ]


USE_BACKEND_LINES = (f"use_backend {OPEN}%[var(txn.group)] if {_OPEN}", "use_backend %[var(txn.group)]")
"""The way to the targets: with none healthy, requests go to the unhealthy ones, as an ALB fails open."""


def group_cookie_lines(*, secure: bool) -> list[str]:
    """The cookie that keeps a client's target group, on every answer of a sticky forward."""
    value = "%[var(txn.group),base64]; Expires=%[date(604800),http_date]; Path=/"
    sticky = "if { var(txn.sticky) -m bool }"
    cors = f"{value}; SameSite=None{'; Secure' if secure else ''}"
    return [
        f"http-response add-header Set-Cookie '{GROUP_COOKIE}={value}' {sticky}",
        f"http-response add-header Set-Cookie '{GROUP_COOKIE}CORS={cors}' {sticky}",
    ]
