"""When a job runs: the notations of `on.schedule`, and what Copilot makes of them for EventBridge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from emulator.manifest.schema.notations.values import parse_duration
from emulator.spelling import closest

_PASS_THROUGH = r"(?s:(?:rate|cron)\(.*\)|none)"
_RATE = r"rate\(\s*([1-9]\d*)\s+(minute|minutes|hour|hours|day|days)\s*\)"
_PRESETS: Final = {
    "@hourly": "0 * * * ? *",
    "@midnight": "0 0 * * ? *",
    "@daily": "0 0 * * ? *",
    "@weekly": "0 0 ? * 1 *",
    "@monthly": "0 0 1 * ? *",
    "@annually": "0 0 1 1 ? *",
    "@yearly": "0 0 1 1 ? *",
}
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# name, lowest, highest, names of the values from the lowest on
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...]], ...]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)
# Of EventBridge's own `cron(…)`, with what else a field may hold; weekdays begin with 1.
_RULE_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...], str], ...]] = (
    ("minute", 0, 59, (), ""),
    ("hour", 0, 23, (), ""),
    ("day of the month", 1, 31, (), r"\?|LW|L(-\d\d?)?|\d\d?W"),
    ("month", 1, 12, _MONTHS, ""),
    ("day of the week", 1, 7, _DAYS, rf"\?|L|([1-7]|{'|'.join(_DAYS)})(L|#[1-5])"),
    ("year", 1970, 2199, (), ""),
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A parsed schedule.

    `text` is what the manifest says; `expression` is EventBridge's form, `rate(…)` or `cron(…)`; `enabled` is False for
    `none`, whose expression is then a placeholder, as in Copilot's template.
    """

    text: str
    expression: str
    enabled: bool = True

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Raises ValueError with the reason where Copilot would refuse the schedule at deployment.

        Forms: `rate(…)`, `cron(…)` and `none` as they stand, `@every 1h30m`, `@hourly` to `@yearly`, and five cron
        fields. Source: Copilot, `awsSchedule` in internal/pkg/deploy/cloudformation/stack/scheduled_job.go.
        """
        if not text.strip():
            raise ValueError("the schedule is empty")
        if re.search(_PASS_THROUGH, text):
            return _pass_through(text)
        if text.startswith("@every "):
            return cls(text, _rate(text.removeprefix("@every ").strip()))
        if text.startswith("@"):
            if text not in _PRESETS:
                raise ValueError(f"{text!r} is not one of {', '.join(_PRESETS)}, @every <duration>{_meant(text)}")
            return cls(text, f"cron({_PRESETS[text]})")
        if meant := _meant(text):
            raise ValueError(f"{text!r} is not a schedule{meant}")
        return cls(text, _cron(text))

    def __str__(self) -> str:
        return self.text


def _meant(text: str) -> str:
    """What a schedule that is none was meant to be, as the end of a message; empty where that cannot be told."""
    words = text.strip()
    lower = words.lower()
    if lower.startswith(("@every", "every ")) and len(words.split()) > 1:
        return f": did you mean '@every {words.split()[1]}'?"
    if re.fullmatch(r"(rate|cron)\s*\(.*\)", lower):
        name, _, rest = lower.partition("(")
        return f": did you mean '{name.strip()}({rest}'?"
    if len(words.split()) == 1:
        meant = closest(words if words.startswith("@") else f"@{words}", _PRESETS)
        if closest(words, ("none",)) and not words.startswith("@"):
            return ": did you mean 'none', which is no schedule at all?"
        return f": did you mean {meant!r}?" if meant else ""
    return ""


def _pass_through(text: str) -> Schedule:
    if text == "none":
        return Schedule(text, "rate(5 minutes)", enabled=False)
    if text.startswith("rate(") and text.endswith(")"):
        found = re.fullmatch(_RATE, text)
        if found is None:
            raise ValueError(f"{text!r} is not rate(<number> minutes|hours|days)")
        if (found[1] == "1") == found[2].endswith("s"):
            raise ValueError(f"{text!r} is not what EventBridge takes: rate(1 minute), but rate(2 minutes)")
        return Schedule(text, text)
    if text.startswith("cron(") and text.endswith(")"):
        fields = text[5:-1].split()
        if len(fields) != 6:
            raise ValueError(f"cron() has six fields (minute hour day month weekday year), this has {len(fields)}")
        if (fields[2] == "?") == (fields[4] == "?"):
            raise ValueError("exactly one of day and weekday must be ? in cron()")
        for field, (name, lowest, highest, names, others) in zip(fields, _RULE_FIELDS, strict=True):
            for part in field.split(","):
                if not (others and re.fullmatch(others, part, re.IGNORECASE)):
                    _check_rule_part(part, name, lowest, highest, names)
        return Schedule(text, text)
    raise ValueError(f"{text!r} has something around rate(…), cron(…) or none")


def _rate(text: str) -> str:
    duration = parse_duration(text)
    if duration < timedelta(minutes=1):
        raise ValueError("@every needs at least one minute")
    minutes, rest = divmod(duration, timedelta(minutes=1))
    if rest:
        raise ValueError("@every needs whole minutes")
    return f"rate({minutes} {'minute' if minutes == 1 else 'minutes'})"


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"a cron schedule has five fields (minute hour day month weekday), this has {len(fields)}")
    for value, (name, lowest, highest, names) in zip(fields, _FIELDS, strict=True):
        for part in value.split(","):
            _check_part(part, name, lowest, highest, names)
    day, weekday = (not set(fields[index]) & set("*?") for index in (2, 4))
    if day and weekday:
        raise ValueError("a schedule cannot give both a day of the month and a day of the week")
    for name, value in (("day of the month", fields[2]), ("day of the week", fields[4])):
        if value not in ("*", "?") and "*" in value:
            raise ValueError(f"{value!r} in the {name} is not kept by Copilot, which takes it for every day")
    if day:
        fields[4] = "?"
    elif weekday:
        fields[2] = "?"
    else:
        fields[2], fields[4] = "*", "?"
    fields[4] = _weekdays(fields[4])
    return f"cron({' '.join(fields)} *)"


def _weekdays(field: str) -> str:
    """Cron counts weekdays from 0, EventBridge from 1; a step after a slash is no weekday. (Copilot moves every digit,
    the step's too; no such field gets here.)"""
    return re.sub(r"\d", lambda digit: str(int(digit[0]) + 1), field)


def _check_part(part: str, name: str, lowest: int, highest: int, names: tuple[str, ...]) -> None:
    base, slash = _without_step(part, name)
    if slash and name == "day of the week" and base not in ("*", "?"):
        raise ValueError(f"a step in the day of the week ({part!r}) is changed by Copilot; list the days")
    if base in ("*", "?"):
        return
    bounds = [_value(text, name, lowest, highest, names) for text in base.split("-", 1)]
    if bounds != sorted(bounds):
        raise ValueError(f"{base!r} in the {name} starts after its end")


def _check_rule_part(part: str, name: str, lowest: int, highest: int, names: tuple[str, ...]) -> None:
    base, slash = _without_step(part, name)
    if base != "*" and (base or not slash):
        for text in base.split("-", 1):
            _value(text, name, lowest, highest, names)


def _without_step(part: str, name: str) -> tuple[str, str]:
    """A part without its step, and the slash before that where there is one."""
    base, slash, step = part.partition("/")
    if slash and (not step.isascii() or not step.isdigit() or int(step[:6]) == 0):
        raise ValueError(f"{part!r} has no valid step in the {name}")
    return base, slash


def _value(text: str, name: str, lowest: int, highest: int, names: tuple[str, ...]) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + lowest
    if text.isascii() and text.isdigit() and lowest <= int(text[:6]) <= highest:
        return int(text[:6])
    raise ValueError(f"{text!r} is not a {name} ({lowest} to {highest})")
