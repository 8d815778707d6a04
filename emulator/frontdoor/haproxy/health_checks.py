"""Health checks of a target group as HAProxy runs them.

Sources: the user guide on target group health checks, and the probe as it was recorded on a target.
"""

from __future__ import annotations

import re

from emulator.ecs.service import TargetGroup
from emulator.frontdoor.haproxy.text import duration, quote
from emulator.frontdoor.options import FrontOptions

USER_AGENT = "ELB-HealthChecker/2.0"
GRPC_DEFAULT_CODES = "12"
FIRST_CHECK = 0.02
"""Seconds from a target's registration to its first check, where times are local."""

_HOST = "hdr Host '%[bc_dst]:%[bc_dst_port]'"


def check_interval(group: TargetGroup, options: FrontOptions) -> float:
    """Seconds between two checks of a target that had a verdict."""
    return options.check_interval or group.health_check.interval


def intervals_until_success(group: TargetGroup, options: FrontOptions) -> tuple[float, float]:
    """Seconds between two checks of a target that fails, where times are local: at first, and later."""
    usual = check_interval(group, options)
    first = min(usual, options.initial_interval)
    return first, max(first, min(usual, options.later_interval))


def check_options(group: TargetGroup, options: FrontOptions, *, initial: bool, later: bool = False) -> list[str]:
    """The words of a `server` line that concern its check; `later` those of an initial target that has failed long."""
    check = group.health_check
    interval = duration(check_interval(group, options))
    if initial:
        # One success ends the initial state whatever the healthy threshold is; how many failures end it is `admin`'s.
        thresholds = "rise 1 fall 1"
        if options.timing == "local":
            # HAProxy lets an interval go by before the first check of a server that was added while it ran.
            first, afterwards = intervals_until_success(group, options)
            soon = f"{duration(min(first, FIRST_CHECK))} downinter {duration(first)}"
            interval = duration(afterwards) if later else soon
    else:
        thresholds = f"rise {check.healthy_threshold} fall {check.unhealthy_threshold}"
    words = [f"check inter {interval} {thresholds}"]
    if check.port is not None:
        words.append(f"port {check.port}")
    secure = check.protocol == "HTTPS"
    if secure:
        words.append("check-ssl verify none")
    elif group.protocol in ("HTTPS", "TLS"):
        words.append("no-check-ssl")
    if group.protocol_version != "HTTP1" and check.protocol != "TCP":
        words.append("check-alpn h2" if secure else "check-proto h2")
    return words


def check_lines(group: TargetGroup, options: FrontOptions) -> list[str]:
    """The lines of a backend that say what a check is."""
    check = group.health_check
    lines = [f"timeout check {duration(options.check_timeout or check.timeout)}"]
    if check.protocol == "TCP":
        return lines
    # A clean close; HAProxy's default is a reset, which some servers log as an error at every check.
    lines += ["option h1-case-adjust-bogus-server", "option httpchk", "http-check connect default linger"]
    if group.protocol_version == "GRPC":
        return lines + _grpc_lines(group)
    agent = f"hdr User-Agent {USER_AGENT} hdr Accept-Encoding 'gzip, compressed'"
    version, ends = ("HTTP/2", "") if group.protocol_version == "HTTP2" else ("HTTP/1.1", " hdr Connection close")
    send = f"http-check send meth GET uri {quote(check.path)} ver {version} {_HOST}{ends} {agent}"
    return [*lines, send, f"http-check expect status {check.success_codes.replace(' ', '')}"]


def _grpc_lines(group: TargetGroup) -> list[str]:
    """A gRPC call. A code other than 0 comes in the headers of an answer without a body, where HAProxy sees it; code 0
    comes in trailers, which it cannot see: an answer without a code in its headers stands for 0."""
    check = group.health_check
    # The model's default is that of HTTP; a gRPC group's is 12, which a server says of a method it does not have.
    codes = GRPC_DEFAULT_CODES if check.success_codes == "200" else check.success_codes.replace(" ", "")
    known = "|".join(map(str, code_list(codes)))
    headers = f"hdr content-type application/grpc hdr te trailers hdr User-Agent {USER_AGENT}"
    send = f"http-check send meth POST uri {quote(check.path)} ver HTTP/2 {_HOST} {headers}"
    if 0 in code_list(codes):
        others = quote(f"^(?!(?:{known})$)")
        unlike = f"http-check expect ! fhdr name grpc-status value -m reg {others}"
        return [send, "http-check expect status 200", unlike]
    return [send, f"http-check expect fhdr name grpc-status value -m reg {quote(f'^(?:{known})$')}"]


def code_list(codes: str) -> list[int]:
    """The codes of a matcher such as `0,12-14`."""
    found: list[int] = []
    for part in re.split(r",\s*", codes):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found
