"""When EventBridge starts a Scheduled Job: from an expression to moments.

Source: the Amazon EventBridge user guide, "Setting a schedule pattern for scheduled rules (legacy)": all times are UTC,
whole minutes; a rate begins when its rule is made.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from emulator.errors import Unsupported

_RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)s?\s*\)")
_CRON = re.compile(r"cron\((.*)\)", re.DOTALL)
_LAST_WEEKDAY_OF_MONTH = "LW"


def next_time(expression: str, after: datetime, made: datetime) -> datetime | None:
    """The first moment later than `after` at which a rule starts its target; None where there is none any more.

    `expression` is EventBridge's, `rate(…)` or `cron(…)`; `made` is when the rule was made. All are in UTC. Raises
    `Unsupported` for an expression whose moments are not known here, such as one that EventBridge would refuse.
    """
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        step = timedelta(**{f"{rate[2]}s": int(rate[1])})
        return made + step * (max(0, (after - made) // step) + 1)
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise Unsupported(f"{expression} is no schedule of EventBridge")
    return _next_cron_time(expression, cron[1].split(), after)


def _next_cron_time(expression: str, fields: list[str], after: datetime) -> datetime | None:
    from aws_croniter import AwsCroniter

    if len(fields) == 6 and fields[4].upper() == "L":
        fields[4] = "SAT"  # the last day of the week, which the library takes for the last one of a month
    if _LAST_WEEKDAY_OF_MONTH in fields[2:3]:
        raise Unsupported(f"when {expression} comes next is not known here: {_LAST_WEEKDAY_OF_MONTH}")
    try:
        [found] = AwsCroniter(" ".join(fields)).get_next(after.astimezone(UTC), 1)
    except ValueError as error:
        raise Unsupported(f"EventBridge does not take {expression}: {error}") from None
    return found if isinstance(found, datetime) else None
