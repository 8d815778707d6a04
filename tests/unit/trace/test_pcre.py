"""nginx's regular expressions: what PCRE writes otherwise than Python, and what is not guessed."""

from __future__ import annotations

import warnings

import pytest

from emulator.trace.diagnosis.pcre import as_bytes, compiled


@pytest.mark.parametrize(
    ("expression", "text", "found"),
    [
        (r"^(?<tenant>[^.]+)\.shop\.test$", "t1.shop.test", "t1.shop.test"),
        (r"^(?'tenant'\w+)\.test$", "t1.test", "t1.test"),
        (r"^(?P<tenant>\w+)\.test$", "t1.test", "t1.test"),
        (r"^/[[:alpha:]]+$", "/abc", "/abc"),
        (r"^/[[:alpha:]]+$", "/ab1", None),
        (r"^[][:digit:][]+$", "[1]", "[1]"),
        (r"^/a(?i)b/c$", "/aB/C", "/aB/C"),
        (r"^/a(?i)b/c$", "/AB/C", None),
        (r"^(?:/a(?i)b|/c)/d$", "/C/d", "/C/d"),
        (r"^(?:/a(?i)b|/c)/d$", "/C/D", None),
        (r"\.(?:png|jpg)$", "/x.png", ".png"),
        (r"^/x\z", "/x\n", None),
        (r"^/x$", "/x\n", "/x"),
        (r"^/\Qa.b\E$", "/a.b", "/a.b"),
        (r"^/\h$", "/ ", "/ "),
        (r"^/.{2}$", as_bytes("/ü"), as_bytes("/ü")),
        (r"^/ü$", as_bytes("/ü"), as_bytes("/ü")),
        (r"^(?!/api)(?<=)/x", "/x", "/x"),
        (r"^/[a&&b~~c||[]+$", "/a&[", "/a&["),
        (r"^/\d{2,3}(?#years)$", "/20", "/20"),
        (r"^/\x41$", "/A", "/A"),
    ],
)
def test_what_pcre_finds(expression: str, text: str, found: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pattern = compiled(expression)
    assert pattern is not None
    match = pattern.search(text)
    assert (match[0] if match else None) == found


@pytest.mark.parametrize(
    "expression",
    [
        *(r"^(?R)$", r"(?|(a)|(b))", r"(*ANYCRLF)x", r"\p{L}", r"a\Kb", r"(?(1)a|b)", r"x{,2}", r"\g{1}"),
        *("(", "[a", ")", r"[[:^alpha:]]", "(?x) a", r"\x4"),
    ],
)
def test_what_python_cannot_say_is_not_known(expression: str) -> None:
    assert compiled(expression) is None
