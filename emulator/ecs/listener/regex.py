"""Regular expressions of listener rules: what a load balancer takes, in a form that Python and PCRE read alike.

Source: the Application Load Balancer's user guide, "Listener rules": no look-around, backreferences, atomic groups,
possessive quantifiers, subroutines, recursion, or Unicode classes. What only one of the two engines knows is refused as
well, as are repetitions without which no expression gets too large to be compiled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import Final

MOST_REPETITIONS: Final = 1000
"""How often a part may be repeated by a number, and how large all repeated parts together may get (inferred)."""
MOST_NESTED: Final = 100

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_=&:;@!~,")
"""Characters that mean themselves wherever a configuration quotes them."""
_CLASSES: Final = "dDwWsS"
_CONTROLS: Final = {"t": 9, "n": 10, "f": 12, "r": 13}
_POSIX: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "word": "\\w",
    "space": "\\s",
    "blank": "\\x20\\x09",
    "punct": "\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e",
    "xdigit": "0-9a-fA-F",
}
_GROUP: Final = re.compile(
    r"\((?:\?(?:(?P<plain>:)|P?<(?P<name>[A-Za-z_]\w{0,31})>|(?P<flags>[is]{1,2})(?P<end>[:)])))?"
)
_COUNT: Final = re.compile(r"\{(\d{1,6})(?:(,)(\d{0,6}))?\}")
_HEX: Final = re.compile(r"\\x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,2})\})")
_UNKNOWN_GROUPS: Final = (
    ("?=", "look-ahead"),
    ("?!", "look-ahead"),
    ("?<=", "look-behind"),
    ("?<!", "look-behind"),
    ("?>", "an atomic group"),
    ("?P=", "a backreference"),
    ("?(", "a condition"),
    ("?#", "a comment"),
    ("?|", "a branch reset"),
    ("*", "a verb"),
)


class RefusedRegex(ValueError):
    """An expression that a load balancer does not take. Its text says why, as the end of "… has": `look-ahead (?=`."""


@dataclass(frozen=True, slots=True)
class ListenerRegex:
    """An expression that a load balancer takes. `text` means the same, for Python and PCRE, and holds no quote."""

    text: str
    groups: int


@dataclass(slots=True)
class _Open:
    """A group that is not closed yet: the size of what is in it, and of the last part, None where there is none."""

    size: int = 0
    last: int | None = None

    def add(self, size: int, *, repeatable: bool = True) -> None:
        self.size += size
        self.last = size if repeatable else None


@cache
def read_regex(text: str) -> ListenerRegex:
    """Reads an expression, of any length: the limit is not the same everywhere. Raises RefusedRegex."""
    scanner = _Scanner(text)
    found = scanner.read()
    try:
        re.compile(found.text, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise RefusedRegex(f"a mistake: {error}") from None
    return found


@dataclass(slots=True)
class _Scanner:
    text: str
    at: int = 0
    groups: int = 0
    pieces: list[str] = field(default_factory=list)
    open: list[_Open] = field(default_factory=lambda: [_Open()])

    def read(self) -> ListenerRegex:
        if not self.text:
            raise RefusedRegex("no characters")
        if any(not " " <= character <= "~" for character in self.text):
            raise RefusedRegex("characters outside of visible ASCII")
        while self.at < len(self.text):
            self._next()
            if self.open[0].size > 2 * MOST_REPETITIONS or self.open[-1].size > 2 * MOST_REPETITIONS:
                raise RefusedRegex(f"parts that are repeated more than {MOST_REPETITIONS} times in all")
        if len(self.open) > 1:
            raise RefusedRegex("a group that is not closed")
        return ListenerRegex("".join(self.pieces), self.groups)

    def _next(self) -> None:
        character = self.text[self.at]
        match character:
            case "\\":
                self._escape()
            case "[":
                self._put(self._class(), 1)
            case "(":
                self._open_group()
            case ")":
                self._close_group()
            case "|":
                self._put("|", 0, repeatable=False)
                self.at += 1
            case "^" | "$":
                self._put(character, 0, repeatable=False)
                self.at += 1
            case "*" | "+" | "?" | "{":
                self._repeat()
            case _:
                self._put("." if character == "." else _literal(character), 1)
                self.at += 1

    def _put(self, piece: str, size: int, *, repeatable: bool = True) -> None:
        self.pieces.append(piece)
        self.open[-1].add(size, repeatable=repeatable)

    def _escape(self) -> None:
        """An escape outside of a class."""
        following = self.text[self.at + 1 : self.at + 2]
        if following and following in _CLASSES:
            self._put(f"\\{following}", 1)
        elif following and following in "bB":
            self._put(f"\\{following}", 0, repeatable=False)
        elif following and following in "AzZ":
            self._put("^" if following == "A" else "$", 0, repeatable=False)
        else:
            self._put(_literal(self._character()), 1)
            return
        self.at += 2

    def _character(self) -> str:
        """The character that an escape stands for; moves behind it."""
        following = self.text[self.at + 1 : self.at + 2]
        if not following:
            raise RefusedRegex("a \\ at its end")
        if found := _HEX.match(self.text, self.at):
            self.at = found.end()
            return chr(int(found[1] or found[2], 16))
        if following in "pPX":
            raise RefusedRegex(f"a Unicode class (\\{following})")
        if following in "123456789gk":
            raise RefusedRegex(f"a backreference (\\{following})")
        if following.isalnum() and following not in _CONTROLS:
            raise RefusedRegex(f"an escape that is not known (\\{following})")
        self.at += 2
        return chr(_CONTROLS[following]) if following in _CONTROLS else following

    def _open_group(self) -> None:
        rest = self.text[self.at + 1 : self.at + 5]
        for start, name in _UNKNOWN_GROUPS:
            if rest.startswith(start):
                raise RefusedRegex(f"{name} (({start})")
        found = _GROUP.match(self.text, self.at)
        assert found is not None  # a parenthesis alone is a match
        if found.end() == self.at + 1 and rest.startswith("?"):
            if re.match(r"\?(?:R|&|P>|[+-]?\d)", rest):
                raise RefusedRegex(f"recursion (({rest[:2]})")
            raise RefusedRegex(f"a group that is not known (({rest[:2]})")
        self.at = found.end()
        if found["end"] == ")":
            if found.start() != 0:
                raise RefusedRegex("flags that do not stand at its start")
            self.pieces.append(f"(?{found['flags']})")
            return
        if len(self.open) > MOST_NESTED:
            raise RefusedRegex(f"more than {MOST_NESTED} groups inside each other")
        capturing = found["plain"] is None and found["flags"] is None
        self.groups += capturing
        self.pieces.append("(" if capturing else f"(?{found['flags'] or ''}:")
        self.open.append(_Open())

    def _close_group(self) -> None:
        if len(self.open) == 1:
            raise RefusedRegex("a ) that closes nothing")
        self.at += 1
        closed = self.open.pop()
        self._put(")", closed.size + 1)

    def _repeat(self) -> None:
        """A quantifier, with what may follow it."""
        character = self.text[self.at]
        here = self.open[-1]
        counted = _COUNT.match(self.text, self.at) if character == "{" else None
        if character == "{" and counted is None:
            raise RefusedRegex("a { that is no count such as {2} or {1,3}; write \\{ for the character")
        if here.last is None:
            raise RefusedRegex(f"a {character} with nothing before it to repeat")
        times = 1
        if counted:
            least, most = int(counted[1]), int(counted[3] or counted[1])
            if most < least:
                raise RefusedRegex(f"a count whose end is before its start ({counted[0]})")
            times = max(least, most) + (counted[2] is not None)
            if max(least, most) > MOST_REPETITIONS:
                raise RefusedRegex(f"a count above {MOST_REPETITIONS} ({counted[0]})")
        here.size += here.last * max(times - 1, 0)
        here.last = None
        self.pieces.append(counted[0] if counted else character)
        self.at += len(self.pieces[-1])
        following = self.text[self.at : self.at + 1]
        if following == "+":
            raise RefusedRegex("a possessive quantifier (a + behind a quantifier)")
        if following == "?":
            self.pieces.append("?")
            self.at += 1

    def _class(self) -> str:
        """A class in brackets; moves behind it."""
        self.at += 1
        negated = self.text.startswith("^", self.at)
        self.at += negated
        parts: list[str] = []
        first = True
        while first or not self.text.startswith("]", self.at):
            first = False
            low = self._class_item()
            if not (self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] not in ("", "]")):
                parts.append(low if len(low) > 1 else _literal(low, in_class=True))
                continue
            self.at += 1
            high = self._class_item()
            if len(low) > 1 or len(high) > 1:  # a class is no end of a range, so the hyphen is itself
                ends = [end if len(end) > 1 else _literal(end, in_class=True) for end in (low, high)]
                parts.append(f"{ends[0]}\\x2d{ends[1]}")
            elif high < low:
                raise RefusedRegex(f"a range whose end is before its start ({low}-{high})")
            else:
                parts.append(f"{_literal(low, in_class=True)}-{_literal(high, in_class=True)}")
        self.at += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _class_item(self) -> str:
        """One character, or the longer text of a class inside of the class."""
        if self.at >= len(self.text):
            raise RefusedRegex("a [ that is not closed")
        character = self.text[self.at]
        following = self.text[self.at + 1 : self.at + 2]
        if character == "[" and following in (":", ".", "="):
            found = re.compile(r"\[:([a-z]+):\]").match(self.text, self.at)
            if found is None or found[1] not in _POSIX:
                raise RefusedRegex(f"a named class that is not known ([{following})")
            self.at = found.end()
            return _POSIX[found[1]]
        if character == "\\":
            if following and following in _CLASSES:
                self.at += 2
                return f"\\{following}"
            return self._character()
        self.at += 1
        return character


def _literal(character: str, *, in_class: bool = False) -> str:
    """A character that means itself to both engines, and that no quotes are needed for."""
    plain = character.isalnum() if in_class else character in _PLAIN
    return character if plain and character.isascii() else f"\\x{ord(character):02x}"


def read_replacement(text: str, groups: int) -> tuple[str | int, ...]:
    """The parts of a replacement: texts, and numbers of groups of an expression that has `groups`. Raises RefusedRegex
    where it names one that is not there."""
    if any(not " " <= character <= "~" for character in text):
        raise RefusedRegex("characters outside of visible ASCII")
    parts: list[str | int] = []
    for number, part in enumerate(re.split(r"\$(\d)", text)):
        if number % 2 == 0:
            parts += [part] if part else []
        elif not 1 <= int(part) <= groups:
            raise RefusedRegex(f"${part}, and its regular expression has {groups} group{'s' if groups != 1 else ''}")
        else:
            parts.append(int(part))
    return tuple(parts)
