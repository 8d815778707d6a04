"""The front's whole configuration: what makes HAProxy behave as an Application Load Balancer.

Sources: the AWS user guide for Application Load Balancers (rules, headers, errors, limits, health checks) and recorded
exchanges where the guide is silent. HAProxy 3.0 or later is needed: older ones cannot tell 502 and 504 from 503.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.ecs.service import FixedResponse, Forward, Redirect, Service
from emulator.errors import Unsupported
from emulator.frontdoor import actions
from emulator.frontdoor.checks import check_rules
from emulator.frontdoor.conditions import acl_lines
from emulator.frontdoor.options import ADMIN_SOCKET, FOLDER, FrontOptions, Placement, Target
from emulator.frontdoor.pages import REASONS, UNREACHABLE_PAGE, error_pages, page_path
from emulator.frontdoor.request import header_lines, limit_lines, path_lines
from emulator.frontdoor.rules import (
    DEFAULT_PRIORITY,
    Listener,
    PlacedRule,
    forwarded_groups,
    group_table,
    rules_in_order,
)
from emulator.frontdoor.servers import group_backends
from emulator.frontdoor.text import quote

CONFIGURATION_FILE = "haproxy.cfg"
STATE_FILE = "servers.state"
"""What `show servers state` printed just before a reload: it carries the health of the targets over."""
CERTIFICATE_FILE = "certificate.pem"
KEY_VARIABLE = "COPILOT_LOCAL_RULES"
SHOW_KEY = f"show env {KEY_VARIABLE}"
"""Asks on the admin socket which rules are in force: the answer names `FrontFiles.rules_key` once a reload is done."""

# HAProxy writes header names in lower case; these regain the spelling an ALB uses.
_HEADER_CASE = (
    "Accept-Encoding",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Date",
    "Host",
    "Location",
    "Server",
    "Set-Cookie",
    "Upgrade",
    "User-Agent",
    "X-Amzn-Trace-Id",
    "X-Forwarded-For",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
)

# Codes that HAProxy answers with by itself. A request that it cannot parse at all still gets its own page for 400.
_OWN_CODES = (400, 401, 403, 405, 408, 413, 500, 501, 502, 504)


@dataclass(frozen=True, slots=True)
class FrontFiles:
    """What goes into the front's folder: content by path relative to it, deterministic for the same input."""

    files: dict[str, bytes]
    rules_key: str
    """Changes when a reload is due; targets alone never change it, they come and go over the admin socket."""

    @property
    def configuration(self) -> str:
        """The text of haproxy.cfg."""
        return self.files[CONFIGURATION_FILE].decode()


def front_configuration(
    services: Sequence[Service], targets: Sequence[Target], options: FrontOptions | None = None
) -> FrontFiles:
    """The front's files for the services of one environment, in manifest order, with the targets they have now.

    Raises InputError (FindingsError with all there is) for rules that a load balancer would refuse, Unsupported for
    what the front cannot do.
    """
    options = options or FrontOptions()
    check_rules(services)
    files = error_pages()
    if options.https:
        files[CERTIFICATE_FILE] = options.https.certificate.encode()
    files |= _fixed_response_files(services)
    # With a target in every backend, since health check settings only show in the lines of servers.
    anyone = [
        Target("any", service, group, "0.0.0.0", 1, placement)
        for service, group in group_table(services)
        for placement in (Placement.NEW, Placement.JUDGED)
    ]
    digest = hashlib.sha256(_configuration(services, anyone, options, "").encode())
    for path, content in sorted(files.items()):
        digest.update(path.encode() + b"\0" + content + b"\0")
    key = digest.hexdigest()[:16]
    files[CONFIGURATION_FILE] = _configuration(services, targets, options, key).encode()
    return FrontFiles(files, key)


def _configuration(services: Sequence[Service], targets: Sequence[Target], options: FrontOptions, key: str) -> str:
    listeners: list[Listener] = ["HTTP", "HTTPS"] if options.https else ["HTTP"]
    rules = {listener: rules_in_order(services, listener) for listener in listeners}
    _refuse_https_rules(services, options)
    lines = [*_global_lines(options, key), *_defaults_lines(options)]
    for listener in listeners:
        lines += _frontend_lines(listener, rules[listener], options)
    for service, name in forwarded_groups(placed for listener in listeners for placed in rules[listener]):
        here = [target for target in targets if (target.service, target.target_group) == (service.name, name)]
        lines += group_backends(service.name, service.target_group(name), here, options)
    return "\n".join(lines) + "\n"


def _refuse_https_rules(services: Sequence[Service], options: FrontOptions) -> None:
    if options.https:
        return
    for service in services:
        for rule in service.listener_rules:
            if rule.listener == "HTTPS":
                raise Unsupported(
                    f"{service.name}: rule {rule.name} is on the HTTPS listener, which has no certificate",
                    hint="start the front with HTTPS, or leave `alias` and certificates out of this environment",
                    position=rule.position,
                )


def _fixed_response_files(services: Sequence[Service]) -> dict[str, bytes]:
    files = {}
    listeners: tuple[Listener, ...] = ("HTTP", "HTTPS")
    for listener in listeners:
        for placed in rules_in_order(services, listener):
            action = placed.rule.action
            if isinstance(action, FixedResponse) and action.message_body:
                files[actions.fixed_response_path(placed, listener)] = action.message_body.encode()
    return files


def _global_lines(options: FrontOptions, key: str) -> list[str]:
    return [
        "# Written by copilot-local; the next change of rules replaces it.",
        "global",
        f"  stats socket {FOLDER}/{ADMIN_SOCKET} mode 660 level admin expose-fd listeners",
        "  stats timeout 1m",
        f"  setenv {KEY_VARIABLE} {quote(key)}",
        f"  maxconn {options.maxconn}",
        "  # Start all the same where the open-file limit is lower than that needs.",
        "  no strict-limits",
        f"  server-state-file {FOLDER}/{STATE_FILE}",
        "  # An old worker may finish its requests, but not hold on for ever.",
        f"  hard-stop-after {max(options.idle_timeout, 60)}s",
        "  # First checks at once, not spread over the interval.",
        "  max-spread-checks 1",
        "  # Only for normalize-uri.",
        "  expose-experimental-directives",
        "  # Room for 64 KB of headers.",
        "  tune.bufsize 81920",
        "  tune.maxrewrite 8192",
        "  tune.http.maxhdr 1024",
        "  tune.h2.fe.max-concurrent-streams 128",
        *(f"  h1-case-adjust {name.lower()} {name}" for name in _HEADER_CASE),
    ]


def _defaults_lines(options: FrontOptions) -> list[str]:
    idle = f"{options.idle_timeout}s"
    return [
        "",
        "defaults",
        "  mode http",
        "  balance roundrobin",
        "  retries 0",
        "  timeout connect 10s",
        f"  timeout client {idle}",
        f"  timeout server {idle}",
        f"  timeout http-request {idle}",
        f"  timeout http-keep-alive {idle}",
        f"  timeout tunnel {idle}",
        "  load-server-state-from-file global",
        *(
            f"  http-error status {code} content-type text/html file {FOLDER}/{page_path(code)}"
            f" {actions.SERVER_HEADER} {actions.DATE}"
            for code in _OWN_CODES
        ),
    ]


def _frontend_lines(listener: Listener, rules: Sequence[PlacedRule], options: FrontOptions) -> list[str]:
    secure = listener == "HTTPS" and options.https is not None
    lines = ["", f"frontend {listener.lower()}"]
    if secure and options.https:
        address = f"{options.bind_address}:{options.https.bind_port}"
        lines.append(f"  bind {address} ssl crt {FOLDER}/{CERTIFICATE_FILE} alpn h2,http/1.1")
    else:
        # An ALB speaks HTTP/2 on HTTPS listeners only.
        lines.append(f"  bind {options.bind_address}:{options.bind_port} proto h1")
    lines += [
        "  option h1-case-adjust-bogus-client",
        "  option idle-close-on-response",
        # Not in `defaults`: HAProxy 3.0 crashes over a regular expression in a page that is declared there.
        f"  http-error status 503 content-type text/html lf-file {FOLDER}/{UNREACHABLE_PAGE}"
        f" {actions.SERVER_HEADER} {actions.DATE}",
    ]
    if options.source_ip:
        lines.append(f"  http-request set-src str({options.source_ip})")
    body = [*limit_lines(), *path_lines()]
    for placed in rules:
        body += _choose_lines(placed)
    chosen = "if !{ var(txn.rule) -m found }"
    body.append(f"http-request set-var(txn.rule) str({DEFAULT_PRIORITY}) {chosen}")
    body += header_lines(listener, options)
    routes: list[str] = []
    sticky = False
    for placed in rules:
        action = placed.rule.action
        if isinstance(action, Redirect):
            body += actions.redirect(placed, action, listener, FOLDER, options)
        elif isinstance(action, FixedResponse):
            body += actions.fixed_response(placed, action, listener, FOLDER)
        else:
            body += actions.forward(placed, action)
            body += _protocol_version_lines(placed, action)
            sticky = sticky or bool(action.stickiness_duration)
    for service, name in forwarded_groups(rules):
        empty, use = actions.use_backends(service.name, name, FOLDER)
        body.append(empty)
        routes += use
    # The default action of a Copilot environment: a target group that never has targets.
    body.append(actions.generated(503, FOLDER, "if !{ var(txn.group) -m found }"))
    if sticky:
        body += _group_cookie_lines(secure=secure)
    body += [
        f"http-after-response set-status 502 reason {quote(REASONS[502])}"
        " if { status 503 } { txn.sess_term_state -m beg SC }",
        f"http-after-response set-status 504 reason {quote(REASONS[504])}"
        " if { status 503 } { txn.sess_term_state -m beg sC }",
    ]
    return [*lines, *(f"  {line}" for line in [*body, *routes])]


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


def _protocol_version_lines(placed: PlacedRule, action: Forward) -> list[str]:
    """464 for a request of a protocol version that the target group does not take."""
    group = placed.service.target_group(action.target_groups[0].target_group)
    if group.protocol_version == "HTTP1":
        return []
    return [
        f"http-request return status 464 {actions.SERVER_HEADER} {actions.DATE}"
        f" if {actions.guard(placed)} !{{ req.ver -m str 2.0 }}"
    ]


def _group_cookie_lines(*, secure: bool) -> list[str]:
    value = "%[var(txn.group),base64]; Expires=%[date(604800),http_date]; Path=/"
    sticky = "if { var(txn.sticky) -m bool }"
    cors = f"{value}; SameSite=None{'; Secure' if secure else ''}"
    return [
        f"http-response add-header Set-Cookie '{actions.GROUP_COOKIE}={value}' {sticky}",
        f"http-response add-header Set-Cookie '{actions.GROUP_COOKIE}CORS={cors}' {sticky}",
    ]
