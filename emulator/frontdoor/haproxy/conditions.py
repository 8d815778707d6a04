"""Conditions of a listener rule as HAProxy ACLs.

Several `acl` lines of one name are alternatives; the names of one rule's conditions are joined by AND. What is matched
are variables that `frontend` sets: `txn.path` (normalised), `txn.host` (lower case, without port).
"""

from __future__ import annotations

from emulator.ecs.listener.regex import read_regex
from emulator.ecs.service import (
    Condition,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    PathPattern,
    QueryString,
    SourceIp,
)
from emulator.frontdoor.haproxy.text import quote
from emulator.frontdoor.options import LOAD_BALANCER_NAMES
from emulator.frontdoor.routing.patterns import glob_regex, has_wildcards


def acl_lines(name: str, condition: Condition) -> list[str]:
    """The `acl` lines that make `name` true where the condition holds."""
    return [f"acl {name} {test}" for test in _tests(condition)]


def _tests(condition: Condition) -> list[str]:
    if isinstance(condition, PathPattern):
        tests = [_glob("var(txn.path)", value) for value in condition.values]
        return tests + [_regex("var(txn.path)", value) for value in condition.regex_values]
    if isinstance(condition, HostHeader):
        tests = [_glob("var(txn.host)", value) for value in host_patterns(condition)]
        samples = ("var(txn.host)", DEPLOYED_HOST)
        return tests + [_regex(it, value, fold_case=True) for value in condition.regex_values for it in samples]
    if isinstance(condition, HttpHeader):
        # req.fhdr walks the lines of a header; req.hdr would cut them at commas as well.
        sample = f"req.fhdr({condition.name})"
        tests = [_glob(sample, value, fold_case=True) for value in condition.values]
        return tests + [_regex(sample, value, fold_case=True) for value in condition.regex_values]
    if isinstance(condition, HttpRequestMethod):
        # HAProxy's own METH_GET would cover HEAD, which the load balancer's GET does not.
        return [f"method {quote(value)}" for value in condition.values]
    if isinstance(condition, QueryString):
        return [f"query -m reg -i -- {quote(query_regex(key, value))}" for key, value in condition.values]
    assert isinstance(condition, SourceIp)
    return [f"src {block}" for block in condition.values]


def host_patterns(condition: HostHeader) -> list[str]:
    """The patterns of a host condition in lower case, with the load balancer's own names where they count.

    Each name also counts below `localhost`, where it leads to this machine without any set-up: browsers, curl and
    systemd-resolved know all names below it as loopback.
    """
    own = LOAD_BALANCER_NAMES if condition.load_balancer_name else ()
    local = [local_name(value) for value in condition.values]
    return [value.lower() for value in (*condition.values, *local, *own)]


def local_name(host: str) -> str:
    """The name under which a host of a deployment is reached on this machine."""
    return f"{host}{_BELOW_LOCALHOST}"


def deployed_name(host: str) -> str:
    """The host of a deployment that a name on this machine stands for: what regular expressions of hosts are about."""
    return host.removesuffix(_BELOW_LOCALHOST)


_BELOW_LOCALHOST = ".localhost"
DEPLOYED_HOST = quote(r'var(txn.host),regsub("\\.localhost$","")')
"""`deployed_name` of the request's host, as HAProxy has it."""


def _regex(sample: str, expression: str, *, fold_case: bool = False) -> str:
    case = " -i" if fold_case else ""
    return f"{sample} -m reg{case} -- {quote(read_regex(expression).text)}"


def _glob(sample: str, pattern: str, *, fold_case: bool = False) -> str:
    """A test of a whole value against one pattern; plain comparisons where they do, since they cost less."""
    case = " -i" if fold_case else ""
    stem = pattern[:-1]
    if pattern == "*":
        return f"{sample} -m found"
    if not has_wildcards(pattern):
        return f"{sample} -m str{case} -- {quote(pattern)}"
    if pattern.endswith("*") and not has_wildcards(stem):
        return f"{sample} -m beg{case} -- {quote(stem)}"
    return f"{sample} -m reg{case} -- {quote(f'^(?s:{glob_regex(pattern)})' + chr(92) + 'z')}"


def query_regex(key: str, value: str) -> str:
    """A regular expression that finds one matching pair anywhere in a query string; an empty key is any key.

    Pairs are compared as they were sent, not decoded: AWS does not document it.
    """
    key_part = glob_regex(key, any_character="[^&=]", escapes=True) if key else "[^&=]*"
    value_part = f"={glob_regex(value, any_character='[^&]', escapes=True)}"
    if not value.strip("*"):
        value_part = f"(?:{value_part})?"  # a pair without `=` has an empty value
    return f"(?:^|&){key_part}{value_part}(?:&|$)"
