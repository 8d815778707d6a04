"""Transforms of listener rules as HAProxy directives: after the rule was chosen, before its action.

What conditions matched, the access log and redirects' hosts are copies that were made before. `routing.transforms` says
the same in Python.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.ecs.listener.regex import read_regex, read_replacement
from emulator.ecs.service import Rewrite, TransformType
from emulator.frontdoor.access_log import TRANSFORM_SUCCESS
from emulator.frontdoor.haproxy.actions import generated, guard
from emulator.frontdoor.haproxy.conditions import DEPLOYED_HOST
from emulator.frontdoor.haproxy.request import HOST_PATTERN, MAX_PORT
from emulator.frontdoor.haproxy.text import quote
from emulator.frontdoor.options import FOLDER
from emulator.frontdoor.routing.rules import PlacedRule

KEPT_ESCAPES = "%(?:[01][0-9a-f]|2[0235]|3[cef]|5[bcde]|60|7[bcdf]|[89a-f][0-9a-f])"
"""Escapes that a url-rewrite sees as they were sent, in either case: decoded, they would be part of no URL, or change
its meaning (`%`, `?`, `#`)."""
VALID_URL = r'^/[!"$-~]*$'
"""What path and query may be after a transform: visible ASCII, without `#`."""
INVALID_PATH = "TransformInvalidPath"
INVALID_HOST = "TransformInvalidHostHeader"
"""What an access log says of a transform that failed."""


def has_transforms(rules: Sequence[PlacedRule]) -> bool:
    """Whether any rule changes requests."""
    return any(placed.rule.transforms for placed in rules)


def transform_lines(rules: Sequence[PlacedRule]) -> list[str]:
    """Changes URL and Host header as the chosen rule says, or answers 500 where that makes no URL or host.

    Sets `txn.to_uri` and `txn.to_host`, where they differ from what came, and `txn.transform`, how it went.
    """
    if not has_transforms(rules):
        return []
    urls, hosts = _rewrites(rules, "url-rewrite"), _rewrites(rules, "host-header-rewrite")
    lines = [*_url_lines(urls), *_host_lines(hosts)]
    fine = f"http-request set-var(txn.transform) str({TRANSFORM_SUCCESS}) if !{{ var(txn.transform) -m found }}"
    return [
        *lines,
        *(f"{fine} {{ var(txn.{name}) -m found }}" for name in ("to_uri", "to_host")),
        generated(500, FOLDER, f"if {{ var(txn.transform) -m str {INVALID_PATH} {INVALID_HOST} }}"),
        "http-request set-pathq '%[var(txn.to_uri)]' if { var(txn.to_uri) -m found }",
        *_host_header_lines(),
    ]


def _rewrites(rules: Sequence[PlacedRule], kind: TransformType) -> dict[int, Rewrite]:
    return {
        placed.priority: transform.rewrites[0]
        for placed in rules
        for transform in placed.rule.transforms
        if transform.type == kind
    }


def _url_lines(rewrites: dict[int, Rewrite]) -> list[str]:
    if not rewrites:
        return []
    chosen = guard(*rewrites)
    odd = f"if {chosen} {{ var(txn.odd) -m found }}"
    decodable = f"{odd} {{ var(txn.decoded) -m found }}"
    # An escape that is to stay gets its percent sign escaped, and is itself again when that is decoded.
    kept = KEPT_ESCAPES.replace("%(?:", "%(")
    decoded = quote(f'path,regsub("{kept}","%25\\\\1","gi"),url_dec')
    return [
        f"http-request set-var(txn.clear) pathq if {chosen}",
        f"http-request set-var(txn.decoded) {decoded} {odd}",
        f"http-request set-path '%[var(txn.decoded)]' {decodable}",
        f"http-request normalize-uri path-merge-slashes {decodable}",
        f"http-request normalize-uri path-strip-dot {decodable}",
        # Without a condition, as in `path_lines`; what it changes of other requests is put right below.
        "http-request normalize-uri path-strip-dotdot",
        f"http-request set-var(txn.clear) pathq {decodable}",
        "http-request set-pathq '%[var(txn.sent)]' if { var(txn.odd) -m found }",
        *(
            f"http-request set-var(txn.to_uri) {_replaced('var(txn.clear)', rewrite)} if {guard(priority)}"
            for priority, rewrite in rewrites.items()
        ),
        _unset_unchanged("to_uri", "clear"),
        f"http-request set-var(txn.transform) str({INVALID_PATH})"
        f" if {{ var(txn.to_uri) -m found }} !{{ var(txn.to_uri) -m reg {quote(VALID_URL)} }}",
    ]


def _host_lines(rewrites: dict[int, Rewrite]) -> list[str]:
    if not rewrites:
        return []
    chosen = guard(*rewrites)
    bad = f"!{{ var(txn.to_host) -m reg {quote(HOST_PATTERN)} }}"
    bad_port = f"{{ var(txn.to_host),port_only gt {MAX_PORT} }}"
    found = "{ var(txn.to_host) -m found }"
    return [
        f"http-request set-var(txn.deployed) {DEPLOYED_HOST} if {chosen}",
        *(
            f"http-request set-var(txn.to_host) {_replaced('var(txn.deployed)', rewrite, 'i')} if {guard(priority)}"
            for priority, rewrite in rewrites.items()
        ),
        _unset_unchanged("to_host", "deployed"),
        f"http-request set-var(txn.transform) str({INVALID_HOST}) if {found} {bad} || {found} {bad_port}",
    ]


def _host_header_lines() -> list[str]:
    """The port that the header had follows the new name, unless that brings its own."""
    found = "if { var(txn.to_host) -m found }"
    own_port = "{ var(txn.to_host),port_only gt 0 }"
    return [
        f"http-request set-var(txn.port) req.fhdr(host,1),port_only {found}",
        f"http-request set-header Host '%[var(txn.to_host)]' {found}",
        f"http-request set-header Host '%[var(txn.to_host)]:%[var(txn.port)]' {found} !{own_port}"
        " { var(txn.port) -m int gt 0 }",
    ]


def _unset_unchanged(name: str, before: str) -> str:
    return (
        f"http-request unset-var(txn.{name}) if {{ var(txn.{name}) -m found }}"
        f" {{ var(txn.{name}),strcmp(txn.{before}) eq 0 }}"
    )


def _replaced(sample: str, rewrite: Rewrite, flags: str = "") -> str:
    """The sample with the first match replaced, as one word: single quotes around double quotes, inside of which every
    backslash is written twice."""
    regex = read_regex(rewrite.regex)
    made = "".join(
        f"\\{part}" if isinstance(part, int) else "".join(map(_literal, part))
        for part in read_replacement(rewrite.replace, regex.groups)
    )
    arguments = ",".join(f'"{text}"' for text in (regex.text.replace("\\", "\\\\"), made.replace("\\", "\\\\")))
    return quote(f"{sample},regsub({arguments}{f',{flags}' if flags else ''})")


def _literal(character: str) -> str:
    return character if character.isalnum() or character in "/_=&:;@!~,-." else f"\\x{ord(character):02x}"
