"""Regular expressions as nginx reads them (PCRE2, on bytes), by Python's own. Pure.

Source: pcre2pattern(3). What Python cannot say is not guessed: whether such an expression matches is not known.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(
    r"""\\Q(?P<quoted>.*?)(?:\\E|\Z)
    | \\(?P<escaped>x[0-9A-Fa-f]{2}|.)
    | \(\?P?<(?P<name>[A-Za-z_]\w*)>
    | \(\?'(?P<apart>[A-Za-z_]\w*)'
    | \(\?(?P<flags>[ims-]+)\)
    | (?P<group>\((?:\?(?:[:=!>]|<[=!]|[ims-]+:|\#[^)]*(?=\)))|(?![?*])))
    | (?P<cls>\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^]\\])*\])
    | (?P<never>\(|\[|\{,)
    | (?P<end>\))
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_IN_CLASS = re.compile(r"\[:(?P<posix>\^?\w+):\]|\\(?P<escaped>x[0-9A-Fa-f]{2}|.)|(?P<other>.)", re.DOTALL)
_SAME = frozenset("dDwWsSbBAnrtfa0123456789")
"""Escapes that mean the same in both."""
_BREAKS = r"\n\x0b\f\r\x85"
_OWN = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "h": r"[ \t\xa0]",
    "H": r"[^ \t\xa0]",
    "v": f"[{_BREAKS}]",
    "V": f"[^{_BREAKS}]",
    "R": rf"(?:\r\n|[{_BREAKS}])",
    "N": r"[^\n]",
    "e": r"\x1b",
    "E": "",
}
_OWN_IN_CLASS = {"h": r" \t\xa0", "v": _BREAKS, "e": r"\x1b"}
_POSIX = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "word": r"\w",
    "space": r"\s",
    "blank": r" \t",
    "xdigit": "0-9A-Fa-f",
    "cntrl": r"\x00-\x1f\x7f",
    "graph": "!-\x7e",
    "print": " -\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "ascii": r"\x00-\x7f",
}


class _UnknownError(Exception):
    """An expression that means something which Python's cannot say."""


@lru_cache(maxsize=1024)
def compiled(expression: str, ignore_case: bool = False) -> re.Pattern[str] | None:
    """The expression for texts of bytes (`as_bytes`); None where it is not known what it matches."""
    try:
        return re.compile(_translated(as_bytes(expression)), re.ASCII | (re.IGNORECASE if ignore_case else 0))
    except (_UnknownError, re.error, OverflowError, RecursionError):
        return None


def as_bytes(text: str) -> str:
    """A text with one character a byte, as nginx looks at it. A trace's paths are that already."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("latin-1")


def _translated(expression: str) -> str:
    """In Python's spelling. An option in the middle (`a(?i)b`) holds to the end of its group there, others included."""
    written: list[str] = []
    options: list[list[str]] = [[]]
    """Of each group that is open: the options that were set in it."""
    for match in _TOKEN.finditer(expression):
        if match["flags"] is not None:
            options[-1].append(f"(?{match['flags']}:")
            written.append(options[-1][-1])
        elif match["end"] is not None:
            written.append(")" * (len(options.pop()) + 1))
            if not options:
                raise _UnknownError
        elif match["other"] == "|":
            written.append(f"{')' * len(options[-1])}|{''.join(options[-1])}")
        else:
            written.append(_one(match))
            if match["group"] is not None or match["name"] is not None or match["apart"] is not None:
                options.append([])
    if len(options) != 1:
        raise _UnknownError
    return "".join(written) + ")" * len(options[0])


def _one(match: re.Match[str]) -> str:
    if match["quoted"] is not None:
        return re.escape(match["quoted"])
    if match["escaped"] is not None:
        return _escape(match["escaped"], _OWN)
    if name := match["name"] or match["apart"]:
        return f"(?P<{name}>"
    if match["never"] is not None:
        raise _UnknownError
    if match["cls"] is not None:
        return _class(match["cls"])
    return match[0]


def _escape(what: str, own: dict[str, str]) -> str:
    if what in own:
        return own[what]
    if what in _SAME or (len(what) > 1 and what[0] == "x"):
        return f"\\{what}"
    if what.isalnum():
        raise _UnknownError
    return re.escape(what)


def _class(written: str) -> str:
    head = "[^" if written.startswith("[^") else "["
    inner = written[len(head) : -1]
    if any(odd in inner for odd in ("--", "[.", "[=")):
        raise _UnknownError

    def one(match: re.Match[str]) -> str:
        if match["posix"] is not None:
            if match["posix"] not in _POSIX:
                raise _UnknownError
            return _POSIX[match["posix"]]
        if match["escaped"] is not None:
            return _escape(match["escaped"], _OWN_IN_CLASS)
        return f"\\{match[0]}" if match[0] in "[]&~|" else match[0]

    return f"{head}{_IN_CLASS.sub(one, inner)}]"


def matches(expression: str, text: str, *, ignore_case: bool = False) -> bool | None:
    """Whether it matches a text of bytes; None where that is not known."""
    pattern = compiled(expression, ignore_case)
    return None if pattern is None else pattern.search(text) is not None
