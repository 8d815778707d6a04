"""Joins two connections, for relays."""

from __future__ import annotations

import asyncio
import contextlib

READ = 1 << 16
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""A connection."""
_running: set[asyncio.Task[object] | None] = set()
"""The tasks that join connections. The loop itself holds them weakly: one whose connection has ended on one side, and
waits on the other, could be collected as garbage."""


async def join(one: Ends, other: Ends) -> None:
    """Passes on what comes on either connection, until both sides have ended; then both are closed."""
    task = asyncio.current_task()
    _running.add(task)
    try:
        await asyncio.gather(_copy(one[0], other[1]), _copy(other[0], one[1]))
    finally:
        await _close(one[1], other[1])
        _running.discard(task)


async def _close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
    for writer in writers:
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Passes on what comes, and its end. Where either side is gone, so is the other."""
    try:
        while data := await source.read(READ):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.transport.abort()
