"""Durations as people read them."""

from __future__ import annotations


def human(seconds: float) -> str:
    """`0.4s`, `12s`, `3m 4s`, `2h 5m`, `3d 4h`. Tenths only below ten seconds; never negative."""
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, whole = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m {whole}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h"
