"""The AWS command line, imported once and forked for each call: it takes 0.3 s of processor time to start.

What a forked process runs is AWS's own program, from where its `aws` starts.

Run as a program, this is the process that forks (`tests/docker/warm_process.py` has what it reads and writes).
"""

from __future__ import annotations

import gc
import importlib
import socket
import sys

import awscli  # type: ignore[import-untyped]
import awscli.clidriver  # type: ignore[import-untyped]

from tests.docker.warm_process import _end, serve


def _start() -> int:
    awscli.clidriver.create_clidriver()  # imports every plugin
    gc.collect()
    gc.freeze()  # nothing of this is garbage, and a look at it would copy it into each child
    with socket.socket(fileno=int(sys.argv[1])) as control:
        task = serve(control)
    if task is None:
        return 0
    sys.argv = task.words
    importlib.reload(awscli)  # it puts where its data is into the environment
    code: int = awscli.clidriver.main()
    _end(code)
    return code


if __name__ == "__main__":
    sys.exit(_start())
