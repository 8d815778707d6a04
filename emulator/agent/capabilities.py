"""Gives up capabilities that a process needed only at its start.

The container has `no-new-privileges`, with which no program that is started later gets them back either.
"""

from __future__ import annotations

import ctypes
import os

DAC_OVERRIDE = 1
"""To open files of other users. Number from linux/capability.h, as those below."""

_VERSION = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3: two sets of 32 each."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def keep_only(*capabilities: int) -> None:
    """Gives up all others, of this thread and of those that it starts from now on. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = _Header(_VERSION, 0), (_Data * 2)()
    _check(libc.capget(ctypes.byref(header), ctypes.byref(data)))
    wanted = sum(1 << capability for capability in capabilities)
    for number, part in enumerate(data):
        mask = wanted >> 32 * number & 0xFFFFFFFF
        part.permitted &= mask
        part.effective = part.permitted
        part.inheritable = 0
    _check(libc.capset(ctypes.byref(header), ctypes.byref(data)))


def _check(result: int) -> None:
    if result:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
