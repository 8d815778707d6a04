"""A ministack of the tests' own, on a free port of the loopback interface, empty before each test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVICES = "cognito-idp,dynamodb,kms,logs,s3,secretsmanager,sns,sqs,ssm,sts"


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a ministack. The socket listens before the process does, so the first request waits for it."""
    folder = tmp_path_factory.mktemp("ministack")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        own = {"GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1", "IOT_MTLS_ENABLED": "0", "SERVICES": SERVICES}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("ministack_process.py")), str(server.fileno())],
                cwd=folder,
                env={**os.environ, **own, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
                pass_fds=[server.fileno()],
                stdout=log,
                stderr=log,
            )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture
def empty(served: str) -> str:
    """The URL of the ministack, which has nothing in it."""
    with urllib.request.urlopen(urllib.request.Request(f"{served}/_ministack/reset", method="POST")):
        return served
