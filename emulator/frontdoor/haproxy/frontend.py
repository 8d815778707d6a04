"""The frontend of an HTTP or HTTPS listener: what happens to a request from its first byte to its target group."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.service import FixedResponse, Redirect
from emulator.frontdoor.access_log import LOCATION_LINE, frontend_log_lines
from emulator.frontdoor.balancers import Listener, frontend_name
from emulator.frontdoor.haproxy import actions
from emulator.frontdoor.haproxy.conditions import acl_lines
from emulator.frontdoor.haproxy.jwt import jwt_lines
from emulator.frontdoor.haproxy.pages import REASONS, SERVER, UNREACHABLE_PAGE
from emulator.frontdoor.haproxy.request import header_lines, limit_lines, path_lines, response_lines
from emulator.frontdoor.haproxy.servers import HTTP_DEFAULTS
from emulator.frontdoor.haproxy.text import quote
from emulator.frontdoor.haproxy.transforms import has_transforms, transform_lines
from emulator.frontdoor.options import CERTIFICATES_FOLDER, FOLDER, FrontOptions, backend_name
from emulator.frontdoor.routing.rules import DEFAULT_PRIORITY, PlacedRule, forwarded_groups

WAITING_SHARE = 4
"""Of the connections that a published port takes, so many may wait to be taken: as a fraction, one in this number."""


def frontend_lines(listener: Listener, rules: Sequence[PlacedRule], options: FrontOptions) -> list[str]:
    """The lines of one listener's frontends with its rules in order of priority: of the one that this machine asks,
    and of the one that tasks ask at the deployed port."""
    lines = _frontend(listener, rules, options, inside=False)
    return [*lines, *_frontend(listener, rules, options.as_inside(), inside=True)] if options.inside else lines


def _frontend(listener: Listener, rules: Sequence[PlacedRule], options: FrontOptions, *, inside: bool) -> list[str]:
    name = frontend_name(listener, options.balancer, inside=inside)
    body = [
        _bind_line(listener, rules, options),
        "option h1-case-adjust-bogus-client",
        "option idle-close-on-response",
        # Not in `defaults`: HAProxy 3.0 crashes over a regular expression in a page that is declared there.
        f"http-error status 503 content-type text/html lf-file {FOLDER}/{UNREACHABLE_PAGE}"
        f" {actions.SERVER_HEADER} {actions.DATE}",
    ]
    if options.published_connections and not inside:
        body += limit_connections(options)
    if options.access_log:
        body += frontend_log_lines(secure=listener == "HTTPS", transforms=has_transforms(rules))
    if options.source_ip:
        body.append(f"http-request set-src str({options.source_ip})")
    body += [*limit_lines(), *path_lines()]
    for placed in rules:
        body += _choose_lines(placed)
    body.append(f"http-request set-var(txn.rule) str({DEFAULT_PRIORITY}) if !{{ var(txn.rule) -m found }}")
    body += header_lines(listener, options)
    body += transform_lines(rules)
    body += jwt_lines(rules, options)
    body += _action_lines(listener, rules, options)
    if options.access_log:
        body.append(LOCATION_LINE)
    body += [*response_lines(), *_answer_lines()]
    if any(forwarded_groups(rules)):
        body += actions.USE_BACKEND_LINES
    return ["", f"frontend {name} from {HTTP_DEFAULTS}", *(f"  {line}" for line in body)]


def limit_connections(options: FrontOptions) -> list[str]:
    """Closes connections that are too many: each takes files of the process through which Docker publishes the port,
    and that process ends where it has none left. Those that wait to be taken count too, so they are few."""
    most = options.published_connections
    return [f"backlog {max(1, most // WAITING_SHARE)}", f"tcp-request connection reject if {{ fe_conn gt {most} }}"]


def _bind_line(listener: Listener, rules: Sequence[PlacedRule], options: FrontOptions) -> str:
    if listener == "HTTPS" and options.https:
        address = f"{options.bind_address}:{options.https.bind_port}"
        return f"bind {address} ssl crt {FOLDER}/{CERTIFICATES_FOLDER} alpn h2,http/1.1"
    # An ALB speaks HTTP/2 on HTTPS listeners only, and forwards gRPC from there only. Where a rule forwards gRPC from
    # the HTTP listener, nothing at all would reach the target but for HTTP/2 without TLS.
    versions = {service.target_group(name).protocol_version for service, name in forwarded_groups(rules)}
    return f"bind {options.bind_address}:{options.bind_port}{'' if versions - {'HTTP1'} else ' proto h1'}"


def _choose_lines(placed: PlacedRule) -> list[str]:
    """Chooses this rule unless one before it was chosen."""
    lines: list[str] = []
    names: list[str] = []
    for index, condition in enumerate(placed.rule.conditions):
        name = f"rule-{placed.priority}-{index}"
        names.append(name)
        lines += acl_lines(name, condition)
    tests = " ".join(["!{ var(txn.rule) -m found }", *names])
    lines.append(f"http-request set-var(txn.rule) str({placed.priority}) if {tests}")
    return lines


def _action_lines(listener: Listener, rules: Sequence[PlacedRule], options: FrontOptions) -> list[str]:
    """What the chosen rule does, and the answers where its target group cannot take the request."""
    lines = [actions.group_map_line(listener, FOLDER)] if actions.group_map(rules) else []
    sticky = False
    for placed in rules:
        action = placed.rule.action
        if isinstance(action, Redirect):
            lines += actions.redirect(placed, action, listener, FOLDER, options)
        elif isinstance(action, FixedResponse):
            lines += actions.fixed_response(placed, action, listener, FOLDER)
        else:
            lines += actions.forward(placed, action)
            sticky = sticky or bool(action.stickiness_duration)
    versions: dict[str, list[str]] = {}
    for service, name in forwarded_groups(rules):
        version = service.target_group(name).protocol_version
        versions.setdefault(version, []).append(backend_name(service.name, name))
    if listener == "HTTPS" or set(versions) != {"HTTP1"}:  # else clients cannot speak another version
        for taken, backends in versions.items():
            lines += _protocol_version_lines(backends, taken)
    if versions:
        lines += actions.empty_group_lines(FOLDER)
    # The default action of a Copilot environment: a target group that never has targets.
    lines.append(actions.generated(503, FOLDER, "if !{ var(txn.group) -m found }"))
    if sticky:
        lines += actions.group_cookie_lines(secure=listener == "HTTPS")
    return lines


def _protocol_version_lines(backends: Sequence[str], version: str) -> list[str]:
    """464 for a request of a protocol version that the target groups do not take.

    Source: the user guide's table of target group protocol versions.
    """
    here = f"{{ var(txn.group) -m str {' '.join(backends)} }}"
    answer = f"http-request return status 464 {actions.SERVER_HEADER} {actions.DATE} if"
    if version == "HTTP1":
        return [f"{answer} {{ req.ver -m str 2.0 }} {{ req.hdr(content-type) -m beg application/grpc }} {here}"]
    lines = [f"{answer} !{{ req.ver -m str 2.0 }} {here}"]
    if version == "GRPC":
        lines.append(f"{answer} !{{ method POST }} {here}")
    return lines


def _answer_lines() -> list[str]:
    """502 and 504 where HAProxy says 503 by itself (the page follows in `pages`), and an ALB's own reason phrases."""
    lines = [
        "http-after-response allow if { status lt 400 }",  # which ends these rules for most answers
        *(
            f"http-after-response set-status {code} if {{ status 503 }} {{ txn.sess_term_state -m beg {state} }}"
            for code, state in ((502, "SC"), (504, "sC"))
        ),
    ]
    own = f"{{ res.fhdr(server) -m str {SERVER} }}"
    lines.append(f"http-after-response set-header Date '%[date,http_date]' if !{{ res.hdr(date) -m found }} {own}")
    return lines + [
        f"http-after-response set-status {code} reason {quote(REASONS[code])} if {{ status {code} }} {own}"
        for code in (405, 408, 414, 502, 503, 504)
    ]
