"""Waits until the endpoint answers and makes what has to be there: `python3 -m emulator.aws.prepare REQUEST`.

`REQUEST` is a JSON file: `log_groups` (`region=name`), `topics`, `queues` (each with name, region, attributes and
position), `subscriptions` (topic, queue, region, attributes, position). What is there already stays, with the
attributes that are asked for now. Exit code 3, with `{"error": {"message", "hint", "position"}}` on standard output,
where AWS would refuse one of them.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from emulator.aws.client import client
from emulator.aws.messaging import Refused, make_messaging
from emulator.aws.ports import PLAIN_PORT, TLS_PORT

START_TIMEOUT = 60.0
REFUSED = 3
"""Exit code."""


def main(request: dict[str, Any]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not (_open(TLS_PORT) and _open(PLAIN_PORT)):
        if time.monotonic() > deadline:
            sys.exit(f"the local AWS endpoint does not answer after {START_TIMEOUT:.0f} s")
        time.sleep(0.05)
    for region, _, group in (item.partition("=") for item in request["log_groups"]):
        with contextlib.suppress(EndpointConnectionError, HTTPClientError):
            _make(region, group)
    try:
        make_messaging(request)
    except Refused as refusal:
        json.dump({"error": refusal.plain}, sys.stdout)
        sys.exit(REFUSED)


def _make(region: str, group: str) -> None:
    try:
        client("logs", region).create_log_group(logGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


def _open(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
