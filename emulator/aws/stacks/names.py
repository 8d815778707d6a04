"""Names of resources that the template leaves open. Pure: the same stack gives the same names at every `up`."""

from __future__ import annotations

import hashlib

BUCKET, QUEUE, IDENTIFIER, LONGEST = 63, 80, 63, 255
"""The most characters of a bucket's name, a queue's, a database's identifier, and of most other names."""


def physical_name(stack: str, logical_id: str, *, most: int = LONGEST, lower: bool = False, suffix: str = "") -> str:
    """`<stack>-<logical id>-<6 hex digits of both>`, shortened in front of the digits where it is too long.

    `suffix` is `.fifo` of queues and topics, and counts.
    """
    digest = hashlib.sha256(f"{stack}/{logical_id}".encode()).hexdigest()[:6]
    room = most - len(digest) - 1 - len(suffix)
    start = f"{stack}-{logical_id}"[:room].rstrip("-")
    name = f"{start}-{digest}{suffix}"
    return name.lower() if lower else name


def database_identifier(stack: str, logical_id: str, given: str | None = None) -> str:
    """The identifier of a database or cache, which is its host name on the environment's network too."""
    return (given or physical_name(stack, logical_id, most=IDENTIFIER, lower=True)).lower()


def hex_id(prefix: str, stack: str, logical_id: str) -> str:
    """An id such as `sg-0a1b…`: 17 hex digits, as EC2 has them."""
    return f"{prefix}{hashlib.sha256(f'{stack}/{logical_id}'.encode()).hexdigest()[:17]}"
