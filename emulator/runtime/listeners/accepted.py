"""Accepts connections, whatever becomes of one of them."""

from __future__ import annotations

import errno
import logging
import socket
import time
from collections.abc import Iterator

log = logging.getLogger(__name__)

AGAIN = 0.1
"""Seconds until a listener that could not accept is asked again."""
_CLOSED = (errno.EBADF, errno.EINVAL)
"""What a listener says that was closed or shut down."""


def accepted(listener: socket.socket) -> Iterator[socket.socket]:
    """Each connection that comes, until the listener is closed. Where none can be accepted for the moment, as where no
    file is left for it, they wait."""
    fails = False
    while True:
        try:
            connection, _ = listener.accept()
        except OSError as error:
            if error.errno in _CLOSED:
                return
            if not fails:
                log.warning("connections have to wait: %s", error)
            fails = True
            time.sleep(AGAIN)
            continue
        fails = False
        yield connection
