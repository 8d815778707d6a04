"""The endpoint: `python3 -m emulator.aws SETTINGS`, inside the `aws` container. `SETTINGS` is JSON, see `Settings`.

TLS on port 443 for Fluent Bit's plugins, which speak nothing else; plain HTTP on port 5000 for tasks and the host.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from emulator.aws.certificates import NAMES, ensure_aws_certificates, ensure_certificates
from emulator.aws.driver import Driver
from emulator.aws.ports import PLAIN_PORT, TLS_PORT


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line tells the endpoint."""

    shared: str
    """The folder that clients see: the authority's certificate."""
    own: str
    """The folder of its key."""
    data: str
    """The folder of what it holds."""
    names: list[str]
    """Its names on the network, and in its certificate."""
    region: str
    account: str
    public_port: int
    """Where tasks and the host reach it, on 127.0.0.1."""
    aws_names: list[str] = field(default_factory=list)
    """Names of AWS that it has a certificate for as well."""
    other: dict[str, str] | None = None
    """Another endpoint that answers in its place: see `forwarding.Other`."""

    def driver(self) -> Driver:
        """What answers."""
        if self.other is not None:
            from emulator.aws import forwarding

            return forwarding.driver(forwarding.Other(**self.other), self.region)
        from emulator.aws import ministack_app

        return ministack_app.driver(Path(self.data), self.region, self.account, self.public_port)


def main(settings: Settings) -> None:
    driver = settings.driver()
    from emulator.aws import server
    from emulator.aws.permissions.calls import Calls
    from emulator.aws.permissions.described import checks
    from emulator.aws.snapshots import Snapshots

    certificate, key = ensure_certificates(Path(settings.shared), Path(settings.own), settings.names)
    named = None
    if settings.aws_names:
        named = ensure_aws_certificates(Path(settings.shared) / NAMES, Path(settings.own), settings.aws_names)
    os.umask(0o077)  # what it holds, secrets among it, is for itself; the certificate above is for everyone
    snapshots = Snapshots(driver.save)
    calls = Calls(checks, settings.account, settings.region)
    application = server.layered(driver, settings.names, snapshots, calls)
    configuration = server.configuration(f"0.0.0.0:{TLS_PORT}", f"0.0.0.0:{PLAIN_PORT}", certificate, key, named)
    asyncio.run(server.run(application, snapshots, configuration))


if __name__ == "__main__":
    main(Settings(**json.loads(sys.argv[1])))
