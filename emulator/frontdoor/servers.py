"""The backends of a target group and the servers in them, for the file and for the admin socket alike."""

from __future__ import annotations

import base64

from emulator.ecs.service import TargetGroup
from emulator.errors import Unsupported
from emulator.frontdoor.options import (
    FrontOptions,
    Placement,
    Target,
    backend_name,
    initial_backend_name,
    open_backend_name,
)
from emulator.frontdoor.text import duration, quote

USER_AGENT = "ELB-HealthChecker/2.0"
COOKIES = ("AWSALB", "AWSALBCORS")


def check_interval(group: TargetGroup, options: FrontOptions) -> float:
    """Seconds between two checks of a target that had a verdict."""
    return options.check_interval or group.health_check.interval


def backends_of(placement: Placement, service: str, target_group: str) -> list[str]:
    """The backends that a target of this placement stands in."""
    initial = initial_backend_name(service, target_group)
    fallback = open_backend_name(service, target_group)
    if placement is Placement.NEW:
        return [initial]
    if placement is Placement.FAILED:
        return [initial, fallback]
    return [backend_name(service, target_group), fallback]


def server_options(target: Target, group: TargetGroup, backend: str, options: FrontOptions) -> str:
    """What follows `server NAME` in the file and `add server BACKEND/NAME` on the admin socket."""
    words = [f"{target.address}:{target.port}"]
    initial = backend.startswith("initial:")
    if group.stickiness and not initial:
        words.append(f"cookie {base64.b64encode(target.name.encode()).decode()}")
    if not initial:
        words += _protocol(group)
    if not backend.startswith("open:"):
        words += _check(group, options, initial=initial)
    return " ".join(words)


def _protocol(group: TargetGroup) -> list[str]:
    words = []
    if group.protocol in ("HTTPS", "TLS"):
        words.append("ssl verify none")
    if group.protocol_version != "HTTP1":
        words.append("alpn h2" if group.protocol == "HTTPS" else "proto h2")
    return words


def _check(group: TargetGroup, options: FrontOptions, *, initial: bool) -> list[str]:
    check = group.health_check
    interval = check_interval(group, options)
    if initial:
        # One success ends the initial state whatever the healthy threshold is; how many failures end it is `admin`'s.
        if options.timing == "local":
            interval = min(interval, options.initial_interval)
        thresholds = "rise 1 fall 1"
    else:
        thresholds = f"rise {check.healthy_threshold} fall {check.unhealthy_threshold}"
    words = [f"check inter {duration(interval)} {thresholds}"]
    if check.port is not None:
        words.append(f"port {check.port}")
    if check.protocol == "HTTPS":
        words.append("check-ssl verify none")
    elif group.protocol in ("HTTPS", "TLS"):
        words.append("no-check-ssl")
    if group.protocol_version != "HTTP1" and check.protocol != "TCP":
        words.append("check-proto h2")
    return words


def group_backends(service: str, group: TargetGroup, targets: list[Target], options: FrontOptions) -> list[str]:
    """The lines of the three backends of a target group."""
    lines: list[str] = []
    names = (
        backend_name(service, group.name),
        open_backend_name(service, group.name),
        initial_backend_name(service, group.name),
    )
    for backend in names:
        lines += ["", f"backend {backend}"]
        if not backend.startswith("initial:"):
            lines += _traffic_lines(group)
        if not backend.startswith("open:"):
            lines += _check_lines(service, group, options)
        lines += [
            f"  server {target.name} {server_options(target, group, backend, options)}"
            for target in sorted(targets, key=lambda target: target.name)
            if backend in backends_of(target.placement, service, group.name)
        ]
    return lines


def _traffic_lines(group: TargetGroup) -> list[str]:
    lines = ["  option h1-case-adjust-bogus-server"]
    if group.stickiness:
        value = "%[srv_name,base64]; Expires=%[date(604800),http_date]; Path=/"
        # Written on every response; HAProxy's own `cookie … insert` writes it once and never renews its expiry.
        lines += [
            f"  cookie {COOKIES[0]}",
            f"  http-response add-header Set-Cookie '{COOKIES[0]}={value}'",
            f"  http-response add-header Set-Cookie '{COOKIES[1]}={value}; SameSite=None' unless {{ ssl_fc }}",
            f"  http-response add-header Set-Cookie '{COOKIES[1]}={value}; SameSite=None; Secure' if {{ ssl_fc }}",
        ]
    return lines


def _check_lines(service: str, group: TargetGroup, options: FrontOptions) -> list[str]:
    check = group.health_check
    lines = [f"  timeout check {duration(options.check_timeout or check.timeout)}"]
    if check.protocol == "TCP":
        return lines
    if group.protocol_version == "GRPC":
        raise Unsupported(
            f"{service}: the front cannot check the health of a gRPC target group yet",
            hint="remove `http.version: grpc` to run the service locally over HTTP/1.1",
        )
    codes = check.success_codes.replace(" ", "")
    version = "HTTP/1.1" if group.protocol_version == "HTTP1" else "HTTP/2"
    return [
        *lines,
        "  option h1-case-adjust-bogus-server",
        "  option httpchk",
        # A clean close; HAProxy's default is a reset, which some servers log as an error at every check.
        "  http-check connect default linger",
        f"  http-check send meth GET uri {quote(check.path)} ver {version} hdr Host '%[bc_dst]:%[bc_dst_port]'"
        f" hdr Connection close hdr User-Agent {USER_AGENT} hdr Accept-Encoding 'gzip, compressed'",
        f"  http-check expect status {codes}",
    ]
