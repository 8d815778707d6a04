"""Compares the outputs that a log router tells with those that it should have:
`python3 -m emulator.agent.log_relay.router_outputs ADDRESS SECONDS NAME…`.

Runs in the router's network. Exit codes: 0 they are the same; 1 no answer within SECONDS; 3 others, which are printed
as a JSON list. Names are without the number that Fluent Bit puts behind the plugin.
"""

from __future__ import annotations

import json
import re
import sys
import time
import urllib.request

SAME, SILENT, OTHERS = 0, 1, 3
_POLL = 0.02


def told_outputs(body: bytes) -> list[str] | None:
    """The outputs in the answer of Fluent Bit's metrics API, sorted; None where it has none yet."""
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    outputs = answer.get("output") if isinstance(answer, dict) else None
    if not isinstance(outputs, dict):
        return None
    return sorted(re.sub(r"\.\d+$", "", name) for name in outputs)


def main(address: str, seconds: str, *expected: str) -> int:
    deadline = time.monotonic() + float(seconds)
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                outputs = told_outputs(answer.read())
        except OSError:
            outputs = None
        if outputs is not None:
            if outputs == sorted(expected):
                return SAME
            sys.stdout.write(json.dumps(outputs))
            return OTHERS
        if time.monotonic() > deadline:
            return SILENT
        time.sleep(_POLL)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
