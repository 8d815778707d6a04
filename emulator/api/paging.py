"""Pages of a list, sorted as ECS does, by ARN; and limits of how many may be asked for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.api.errors import invalid


def page(key: str, found: Sequence[Any], asked: Mapping[str, Any], *, default: int = 100) -> dict[str, Any]:
    """One page of what was `found`, ARNs mostly, under `key`, with a `nextToken` where more follow. Raises `ApiError`
    for a wrong request."""
    most = asked.get("maxResults", default)
    if not 1 <= most <= 100:
        raise invalid("maxResults must be between 1 and 100")
    start = 0
    if token := asked.get("nextToken"):
        try:
            start = int(base64.urlsafe_b64decode(str(token).encode()))
        except (ValueError, binascii.Error):
            raise invalid("Invalid token") from None
    answer: dict[str, Any] = {key: list(found[start : start + most])}
    if start + most < len(found):
        answer["nextToken"] = base64.urlsafe_b64encode(str(start + most).encode()).decode()
    return answer


def limited(asked: Sequence[str], most: int, what: str) -> Sequence[str]:
    """What is asked for, unless it is nothing or too much."""
    if not asked:
        raise invalid(f"{what} cannot be empty.")
    if len(asked) > most:
        raise invalid(f"{what} cannot have more than {most} elements")
    return asked
