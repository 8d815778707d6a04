"""Explanation and running front agree on random rules and requests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from emulator.ecs.listener.regex import RefusedRegex, read_regex
from emulator.ecs.service import (
    Condition,
    FixedResponse,
    HostHeader,
    HttpHeader,
    HttpRequestMethod,
    ListenerRule,
    PathPattern,
    QueryString,
    Redirect,
    Rewrite,
    SourceIp,
    Transform,
)
from emulator.frontdoor.routing.explain import explain
from tests.frontdoor_table import service_with

if TYPE_CHECKING:
    from tests.docker.frontdoor.conftest import StartFront

pytestmark = pytest.mark.docker

RULES = 25
REQUESTS = 60

# Few letters, so that patterns and requests meet often.
_SEGMENTS = (
    "a",
    "b",
    "ab",
    "A",
    "a.b",
    "",
    ".",
    "..",
    "%61",
    "%2f",
    "%2e%2e",
    "a%20b",
    "%zz",
    "%",
    "a+b",
    "~$'\"@:&",
    "x-y",
)
_GLOBS = ("*", "?", "a", "b", "ab", "a*", "*b", "a?", "", "~$'\"@:&", "a.b", "x-y", "A")
_HOSTS = ("a.test", "b.test", "x.a.test", "A.Test:8080", "a.test:1", "ab.test", "[::1]:80")
_HOST_GLOBS = ("a.test", "*.test", "?.test", "*.a.*", "B.TEST", "a?.test", "*.*")
_WORDS = ("a", "b", "aa", "A b", "a, b", "a=b", "100%", "it's", "$HOME", "\\", "}", "-i", "a|b", "(a)", "[a]", "^a$")


_ATOMS = (
    *("a", "b", "ab", "A", "x", "/", "\\.", ".", "-", "%", "~", "$'", '"', "@", "[ab]", "[^/]", "[a-c/]", "[\\w.-]"),
    *(
        "\\w",
        "\\W",
        "\\d",
        "\\x61",
        "\\s",
        "\\b",
        "^",
        "$",
        "^/",
        "[[:upper:]]",
        "[^[:alnum:]/]",
        "\\\\",
        "\\?",
        "&",
        "=",
    ),
)
_QUANTIFIERS = ("", "", "", "", "*", "+", "?", "*?", "+?", "{2}", "{1,2}", "{0,1}?", "{1,}")
_PARTS = (
    "",
    "/",
    "a",
    "x",
    "$1",
    "$2",
    "$1$1",
    "\\",
    '"',
    "'",
    ",",
    "%20",
    "\\1",
    "$",
    "?q=",
    "(b)",
    ".",
    " ",
    "#",
    "x%",
)


def pick_text(chance: random.Random, depth: int = 0) -> str:
    """A regular expression, most often one that a load balancer takes."""
    parts = []
    for _ in range(chance.randint(1, 4)):
        if depth < 2 and chance.random() < 0.3:
            start = chance.choice(("(", "(", "(?:", "(?<n>", "(?i:"))
            # Repeated without a limit, what repeats itself takes time without one.
            parts.append(f"{start}{pick_text(chance, depth + 1)}){chance.choice(('', '', '?', '{2}', '{1,2}'))}")
        else:
            parts.append(chance.choice(_ATOMS) + chance.choice(_QUANTIFIERS))
    text = "".join(parts)
    return text if chance.random() < 0.8 else f"{text}|{pick_text(chance, depth + 1)}"


def pick_regex(chance: random.Random) -> str:
    """A regular expression that a load balancer takes."""
    while True:
        text = chance.choice(("", "", "^/?", "(?i)")) + pick_text(chance)
        try:
            read_regex(text)
        except RefusedRegex:
            continue
        if len(text) <= 128:
            return text


def pick_transform(chance: random.Random, kind: str) -> Transform:
    """A rewrite with whatever result."""
    regex = pick_regex(chance)
    groups = read_regex(regex).groups
    parts = [part for part in chance.choices(_PARTS, k=chance.randint(0, 4)) if groups > 1 or "$2" not in part]
    replace = "".join(part for part in parts if groups or "$1" not in part)
    if kind == "url-rewrite":
        replace = chance.choice(("/", "/", "")) + replace
    return Transform.model_validate({"type": kind, "rewrites": [Rewrite(regex=regex, replace=replace)]})


def pick_condition(chance: random.Random) -> Condition:
    """Any kind of condition with one or two values."""
    count = chance.randint(1, 2)
    kind = chance.randrange(7)
    if chance.random() < 0.3:
        regexes = [pick_regex(chance) for _ in range(count)]
        values = chance.choice(([], [], ["/a*"]))
        if kind < 4:
            return PathPattern(values=values, regex_values=regexes)
        if kind == 4:
            return HostHeader(regex_values=regexes)
        return HttpHeader(name="X-A", values=values, regex_values=regexes)
    if kind < 3:
        parts = ["/".join(chance.choices(_GLOBS, k=chance.randint(1, 3))) for _ in range(count)]
        return PathPattern(values=[chance.choice(("/", "/", "/", "*")) + part for part in parts])
    if kind == 3:
        return HostHeader(values=chance.choices(_HOST_GLOBS, k=count))
    if kind == 4:
        name = chance.choice(("X-A", "X-B"))
        values = [
            chance.choice(("", "*")) + chance.choice(_WORDS) + chance.choice(("", "?", "*")) for _ in range(count)
        ]
        return HttpHeader(name=name, values=values)
    if kind == 5:
        keys = [chance.choice(("", "a", "b", "?", "a*", "A")) for _ in range(count)]
        return QueryString(values=[(key, chance.choice(("", "*", "1", "?", "*1*", "a\\*b"))) for key in keys])
    if chance.random() < 0.5:
        return HttpRequestMethod(values=chance.choices(("GET", "POST", "PUT", "GET-IT"), k=count))
    return SourceIp(values=chance.choices(("127.0.0.0/8", "127.0.0.1/32", "10.0.0.0/8", "::1/128"), k=count))


def pick_conditions(chance: random.Random) -> list[Condition]:
    """One or two conditions, of two kinds: a rule may have most kinds only once."""
    picked = [pick_condition(chance) for _ in range(chance.choice((1, 2, 2)))]
    return list({condition.field: condition for condition in picked}.values())


def pick_request(chance: random.Random) -> tuple[str, str, list[tuple[str, str]]]:
    """A method, a request target and headers."""
    target = "/" + "/".join(chance.choices(_SEGMENTS, k=chance.randint(1, 4)))
    if chance.random() < 0.4:
        pairs = [chance.choice(("a", "b", "ab", "A", "a=b")) for _ in range(chance.randint(0, 3))]
        target += "?" + "&".join(pair + chance.choice(("", "=", "=1", "=21", "=a*b", "=axb", "==1")) for pair in pairs)
    headers = [("Host", chance.choice(_HOSTS))]
    for _ in range(chance.randint(0, 3)):
        headers.append((chance.choice(("X-A", "x-a", "X-B")), chance.choice((*_WORDS, ""))))
    return chance.choice(("GET", "GET", "POST", "PUT", "get", "GET-IT", "TRACE")), target, headers


@pytest.mark.parametrize("seed", range(10))
def test_explanation_and_front_agree(start_front: StartFront, seed: int) -> None:
    chance = random.Random(seed)
    rules = [
        ListenerRule(
            name=f"rule{number}",
            priority=number,
            conditions=pick_conditions(chance),
            action=FixedResponse(status_code=200, content_type="text/plain", message_body=str(number)),
        )
        for number in range(1, RULES + 1)
    ]
    service = service_with(rules, [])
    front = start_front([service])
    hits = set()
    for _ in range(REQUESTS):
        method, target, headers = pick_request(chance)
        answer = front.request(method, target, headers)
        explanation = explain([service], method, target, headers, options=front.options)
        hits.add(explanation.priority)
        got = (answer.status, answer.body.decode() if answer.status == 200 else "0")
        assert got == (explanation.status, str(explanation.priority)), (
            f"{method} {target} {headers}: {rules[explanation.priority - 1]}, and the front's: {got}"
        )
    assert len(hits) > 1


@pytest.mark.parametrize("seed", range(4))
def test_explanation_and_front_agree_on_transforms(start_front: StartFront, seed: int) -> None:
    """A redirect shows what became of path, query and host."""
    chance = random.Random(seed)
    rules = []
    for number in range(1, RULES + 1):
        kinds = chance.choice((["url-rewrite"], ["url-rewrite"], ["host-header-rewrite", "url-rewrite"]))
        rule = ListenerRule(
            name=f"rule{number}",
            priority=number,
            conditions=[HttpHeader(name="X-Rule", values=[str(number)])],
            action=Redirect(status_code=302, protocol="HTTPS", port=str(1000 + number)),
            transforms=[pick_transform(chance, kind) for kind in kinds],
        )
        rules.append(rule)
    service = service_with(rules, [])
    front = start_front([service])
    locations = set()
    for _ in range(REQUESTS):
        _, target, headers = pick_request(chance)
        number = chance.randint(1, RULES)
        headers.append(("X-Rule", str(number)))
        answer = front.request("GET", target, headers)
        explanation = explain([service], "GET", target, headers, options=front.options)
        got = (answer.status, answer.header("Location"))
        assert got == (explanation.status, explanation.location), f"{target} {headers}: {rules[number - 1].transforms}"
        locations.add(explanation.location)
    assert len(locations) > REQUESTS // 3
