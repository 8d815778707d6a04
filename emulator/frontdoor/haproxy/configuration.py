"""The front's whole configuration: what makes HAProxy behave as an Application (and a Network) Load Balancer.

Sources: the AWS user guide for Application Load Balancers (rules, headers, errors, limits, health checks) and recorded
exchanges where the guide is silent. HAProxy 3.0 or later is needed: older ones cannot tell 502 and 504 from 503.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.ecs.service import FixedResponse, Service
from emulator.errors import Unsupported
from emulator.frontdoor.access_log import ring_lines
from emulator.frontdoor.balancers import LISTENERS, Listener
from emulator.frontdoor.haproxy import actions
from emulator.frontdoor.haproxy.frontend import frontend_lines
from emulator.frontdoor.haproxy.jwt import key_files
from emulator.frontdoor.haproxy.network import IDLE_TIMEOUT, network_frontends
from emulator.frontdoor.haproxy.pages import answer_path, error_answers, error_pages, page_path
from emulator.frontdoor.haproxy.servers import HTTP_DEFAULTS, TCP_DEFAULTS, group_backends
from emulator.frontdoor.haproxy.text import quote
from emulator.frontdoor.options import (
    ADMIN_SOCKET,
    CERTIFICATES_FOLDER,
    FOLDER,
    FrontOptions,
    Placement,
    Target,
    check_name,
)
from emulator.frontdoor.routing.checks import check_rules
from emulator.frontdoor.routing.rules import group_table, rules_in_order

CONFIGURATION_FILE = "haproxy.cfg"
STATE_FILE = "servers.state"
"""What `show servers state` printed just before a reload: it carries the health of the targets over."""
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

# Codes that HAProxy answers with by itself.
_OWN_CODES = (401, 403, 405, 408, 413, 500, 501, 502, 504)
# A request that it cannot parse: as a whole answer from a file, which is all that HAProxy looks at there since its
# issue 3032 is mended. Releases before that send a page of their own. Its 422 is for
# `Transfer-Encoding: gzip, chunked`, which an ALB answers with 501.
_UNREADABLE = {400: 400, 422: 501}


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
    """The front's files for the services behind one load balancer, in manifest order, with the targets they have now.

    Raises InputError (FindingsError with all there is) for rules that a load balancer would refuse, Unsupported for
    what the front cannot do.
    """
    options = options or FrontOptions()
    check_rules(services)
    files = error_pages() | error_answers(_UNREADABLE.values())
    if options.https:
        for name, certificate in options.https.certificates.items():
            files[f"{CERTIFICATES_FOLDER}/{check_name('certificate', name)}.pem"] = certificate.encode()
    files |= _rule_files(services) | key_files(services, options)
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
    _refuse_https_rules(services, options)
    lines = _global_lines(options, key)
    if options.access_log:
        lines += ring_lines()
    lines += [*_application_defaults(options), *_network_defaults()]
    for listener in listeners:
        lines += frontend_lines(listener, rules_in_order(services, listener), options)
    lines += network_frontends(services, options)
    for (service, _), group in group_table(services).items():
        lines += group_backends(service, group, targets, options)
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


def _rule_files(services: Sequence[Service]) -> dict[str, bytes]:
    """The bodies of fixed responses, and the maps of target groups."""
    files = {}
    for listener in LISTENERS:
        rules = rules_in_order(services, listener)
        for placed in rules:
            action = placed.rule.action
            if isinstance(action, FixedResponse) and action.message_body:
                files[actions.fixed_response_path(placed, listener)] = action.message_body.encode()
        if groups := actions.group_map(rules):
            lines = "".join(f"{rule} {name}\n" for rule, name in groups.items())
            files[actions.group_map_path(listener)] = lines.encode()
    return files


def _global_lines(options: FrontOptions, key: str) -> list[str]:
    return [
        "# Written by copilot-local; the next change of rules replaces it.",
        "global",
        f"  stats socket {FOLDER}/{ADMIN_SOCKET} mode 660 level admin expose-fd listeners",
        "  stats timeout 1m",
        f"  setenv {KEY_VARIABLE} {quote(key)}",
        f"  maxconn {options.maxconn}",
        "  # One thread carries more than a machine's own clients ask for. Several wake each other up: that takes a",
        "  # fifth more of the processors, which the services want too, and makes the slowest requests slower.",
        "  nbthread 1",
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
        "  # A thread keeps so many bytes of them at hand: the default is six, and then each request asks the system.",
        "  tune.memory.hot-size 8388608",
        "  tune.http.maxhdr 1024",
        "  tune.h2.fe.max-concurrent-streams 128",
        *(f"  h1-case-adjust {name.lower()} {name}" for name in _HEADER_CASE),
    ]


def _application_defaults(options: FrontOptions) -> list[str]:
    idle = f"{options.idle_timeout}s"
    return [
        "",
        f"defaults {HTTP_DEFAULTS}",
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
        *(f"  errorfile {code} {FOLDER}/{answer_path(answer)}" for code, answer in _UNREADABLE.items()),
    ]


def _network_defaults() -> list[str]:
    return [
        "",
        f"defaults {TCP_DEFAULTS}",
        "  mode tcp",
        "  balance roundrobin",
        "  retries 0",
        "  timeout connect 10s",
        f"  timeout client {IDLE_TIMEOUT}s",
        f"  timeout server {IDLE_TIMEOUT}s",
        "  load-server-state-from-file global",
    ]
