"""A process with the endpoint on a socket that it inherits: `python ministack_process.py DESCRIPTOR PORT FOLDER`.

It is the one that `up` starts, with all that is ours around the program; plain HTTP alone.
"""

import asyncio
import sys
from pathlib import Path

from emulator.aws import ministack_app, server
from emulator.aws.permissions.calls import Calls
from emulator.aws.permissions.described import checks
from emulator.aws.snapshots import Snapshots

ACCOUNT, REGION = "000000000000", "us-east-1"


def main(descriptor: str, port: str, folder: str) -> None:
    driver = ministack_app.driver(Path(folder), REGION, ACCOUNT, int(port))
    snapshots = Snapshots(driver.save)
    application = server.layered(driver, [], snapshots, Calls(checks, ACCOUNT, REGION))
    configuration = server.configuration(None, f"fd://{descriptor}", None, None)
    asyncio.run(server.run(application, snapshots, configuration))


if __name__ == "__main__":
    main(*sys.argv[1:])
