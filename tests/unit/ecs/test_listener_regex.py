"""Regular expressions of listener rules: what a load balancer takes, and the form in which both engines read it."""

from __future__ import annotations

import re
import string

import pytest

from emulator.ecs.listener.regex import RefusedRegex, read_regex, read_replacement


@pytest.mark.parametrize(
    ("regex", "has"),
    [
        ("", "no characters"),
        ("ü", "characters outside of visible ASCII"),
        ("a\nb", "characters outside of visible ASCII"),
        ("^/(?!admin)", "look-ahead ((?!)"),
        ("a(?=b)", "look-ahead ((?=)"),
        ("(?<=a)b", "look-behind ((?<=)"),
        ("(?<!a)b", "look-behind ((?<!)"),
        (r"(a)\1", r"a backreference (\1)"),
        (r"(?<n>a)\k<n>", r"a backreference (\k)"),
        ("(?P<n>a)(?P=n)", "a backreference ((?P=)"),
        ("(?>a)", "an atomic group ((?>)"),
        ("a++", "a possessive quantifier (a + behind a quantifier)"),
        ("a{1,2}+", "a possessive quantifier (a + behind a quantifier)"),
        ("(a(?R)?)", "recursion ((?R)"),
        ("(a)(?1)", "recursion ((?1)"),
        ("(?<n>a)(?&n)", "recursion ((?&)"),
        (r"\p{L}", r"a Unicode class (\p)"),
        (r"[\P{L}]", r"a Unicode class (\P)"),
        (r"\Qa\E", r"an escape that is not known (\Q)"),
        (r"a\K", r"an escape that is not known (\K)"),
        ("a(?i)", "flags that do not stand at its start"),
        ("(?x: a)", "a group that is not known ((?x)"),
        ("(*UTF)a", "a verb ((*)"),
        ("(a", "a group that is not closed"),
        ("a)", "a ) that closes nothing"),
        ("[a", "a [ that is not closed"),
        ("[[:who:]]", "a named class that is not known ([:)"),
        ("[z-a]", "a range whose end is before its start (z-a)"),
        ("a\\", "a \\ at its end"),
        ("*a", "a * with nothing before it to repeat"),
        ("a{,3}", r"a { that is no count such as {2} or {1,3}; write \{ for the character"),
        ("a{3,2}", "a count whose end is before its start ({3,2})"),
        ("a{1001}", "a count above 1000 ({1001})"),
        ("(?:(?:a{99}){99}){99}", "parts that are repeated more than 1000 times in all"),
        ("(" * 101 + ")" * 101, "more than 100 groups inside each other"),
        (r"(a)(?<a>b)(?<a>c)", None),
    ],
)
def test_what_a_load_balancer_refuses(regex: str, has: str | None) -> None:
    if has is None:
        assert read_regex(regex).groups == 3
        return
    with pytest.raises(RefusedRegex, match=re.escape(has)):
        read_regex(regex)


@pytest.mark.parametrize(
    ("regex", "matches", "others"),
    [
        (r"^/dp/([A-Za-z0-9]+)/?$", ["/dp/B1", "/dp/B1/"], ["/dp/", "/x/dp/B1"]),
        (r"^[\w-.]+$", ["a-b.c"], ["a,b"]),
        (r"^[a-\d]$", ["a", "-", "7"], ["b"]),
        (r"^[]^]$", ["]", "^"], ["a"]),
        (r"^[^]]$", ["a"], ["]"]),
        ("^[[:alpha:]_-]+$", ["aB_-"], ["1"]),
        (r"^\x41\x{62}\t$", ["Ab\t"], ["ab\t"]),
        (r"\A\(\)\z", ["()"], ["x()"]),
        ("(?i)^shop$", ["SHOP"], ["SHOPS"]),
        ("^(?i:s)hop$", ["Shop"], ["sHop"]),
        (r"^it's \"\{\}\"$", ['it\'s "{}"'], ["its"]),
        ("^(?P<a>x)(?<b>y){2}?$", ["xyy"], ["xy"]),
    ],
)
def test_the_form_means_the_same(regex: str, matches: list[str], others: list[str]) -> None:
    form = read_regex(regex).text
    assert all(re.search(form, text, re.ASCII) for text in matches)
    assert not any(re.search(form, text, re.ASCII) for text in others)


def test_the_form_has_nothing_that_quotes_are_needed_for() -> None:
    every = "".join(f"\\{character}" for character in string.punctuation) + "'\" #%"
    form = read_regex(every).text
    assert not set(form) & set("'\" #%")
    assert re.fullmatch(form, string.punctuation + "'\" #%")


@pytest.mark.parametrize(
    ("replacement", "groups", "parts"),
    [
        ("/x?id=$1&n=$2", 2, ("/x?id=", 1, "&n=", 2)),
        ("$10", 1, (1, "0")),
        ("", 0, ()),
        ("$a$$", 0, ("$a$$",)),
        (r"\1\\", 1, (r"\1\\",)),
    ],
)
def test_the_parts_of_a_replacement(replacement: str, groups: int, parts: tuple[str | int, ...]) -> None:
    assert read_replacement(replacement, groups) == parts


@pytest.mark.parametrize(
    ("replacement", "groups", "has"),
    [("/$2", 1, "$2, and its regular expression has 1 group"), ("$0", 2, "$0"), ("ü", 0, "outside of visible ASCII")],
)
def test_replacements_that_are_refused(replacement: str, groups: int, has: str) -> None:
    with pytest.raises(RefusedRegex, match=re.escape(has)):
        read_replacement(replacement, groups)
