"""Waits until the endpoint answers and makes log groups: `python3 -m emulator.aws.prepare REGION=GROUP…`."""

from __future__ import annotations

import contextlib
import socket
import sys
import time

from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from emulator.aws.client import client
from emulator.aws.ports import PLAIN_PORT, TLS_PORT

START_TIMEOUT = 60.0


def main(groups: list[str]) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while not (_open(TLS_PORT) and _open(PLAIN_PORT)):
        if time.monotonic() > deadline:
            sys.exit(f"the local AWS endpoint does not answer after {START_TIMEOUT:.0f} s")
        time.sleep(0.05)
    for region, _, group in (item.partition("=") for item in groups):
        with contextlib.suppress(EndpointConnectionError, HTTPClientError):
            _make(region, group)


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
    main(sys.argv[1:])
