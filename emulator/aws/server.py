"""Serves the endpoint: TLS on one port, plain HTTP on another, the same application behind both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import ssl
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from hypercorn.asyncio import serve
from hypercorn.config import Config

from emulator.aws.asgi import Application, Message, Receive, Scope, Send, is_aws_name, respond
from emulator.aws.callers import with_known_callers
from emulator.aws.driver import Driver
from emulator.aws.other_accounts import with_other_accounts
from emulator.aws.permissions.calls import Calls
from emulator.aws.ports import LOG_REGIONS
from emulator.aws.snapshots import Snapshots

GRACE = 1.0
"""Seconds that requests which wait for messages get when the endpoint ends."""
KEEP_ALIVE = 75.0
"""Seconds that an idle connection stays: longer than the clients of AWS keep theirs."""
BACKLOG = 1024


def with_request_ids(application: Application) -> Application:
    """Adds the header x-amzn-RequestId, which AWS always sends, in exactly this spelling.

    Without it Fluent Bit, which looks for these very letters, takes each PutLogEvents for failed and sends it again.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message["headers"] if name.lower() != b"x-amzn-requestid"]
                message = {**message, "headers": [*others, (b"x-amzn-RequestId", str(uuid.uuid4()).encode())]}
            await send(message)

        await application(scope, receive, marked)

    return answer


def with_log_regions(application: Application, regions: Callable[[], list[str]]) -> Application:
    """Answers one path of our own: the regions that have log groups, as JSON. AWS has no such question."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == LOG_REGIONS:
            await respond(send, 200, "application/json", json.dumps(regions()).encode())
        else:
            await application(scope, receive, send)

    return answer


def layered(driver: Driver, names: Sequence[str], snapshots: Snapshots, calls: Calls) -> Application:
    """What answers, with all that is ours around it. `names` are the endpoint's own on the network."""
    counted = with_other_accounts(calls.around(driver.application), calls.account)
    inner = snapshots.around(counted)
    return with_known_callers(with_log_regions(with_request_ids(inner), driver.log_regions), names)


async def run(application: Application, snapshots: Snapshots, configuration: Config) -> None:
    """Serves until SIGTERM, and lets the application save what it holds."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    writing = asyncio.create_task(snapshots.run())

    async def until() -> None:
        await ended.wait()

    try:
        await serve(cast("Any", application), configuration, shutdown_trigger=until)
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing


class _Config(Config):
    """With a certificate for AWS's own names beside the endpoint's."""

    named: tuple[Path, Path] | None = None

    def create_ssl_context(self) -> ssl.SSLContext | None:
        """The endpoint's, which gives way to that of the names where a client asks for one of them."""
        context = super().create_ssl_context()
        if self.named is None or context is None:
            return context
        other = _Config()
        other.alpn_protocols = self.alpn_protocols
        other.certfile, other.keyfile = map(str, self.named)
        of_names = other.create_ssl_context()

        def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
            if of_names is not None and name is not None and is_aws_name(name):
                connection.context = of_names

        context.sni_callback = choose
        return context


def configuration(
    tls: str | None, plain: str, certificate: Path | None, key: Path | None, named: tuple[Path, Path] | None = None
) -> Config:
    """Where to listen: addresses with ports; without `tls` plain HTTP alone. `named`: certificate and key of what asks
    for a name of AWS."""
    config = _Config()
    config.named = named
    if tls is None:
        config.bind = [plain]
    else:
        config.bind, config.insecure_bind = [tls], [plain]
        config.certfile, config.keyfile = str(certificate), str(key)
    config.alpn_protocols = ["http/1.1"]
    config.keep_alive_timeout = KEEP_ALIVE
    config.graceful_timeout = GRACE
    config.shutdown_timeout = GRACE
    config.backlog = BACKLOG
    config.loglevel = "WARNING"
    config.accesslog = None
    return config
