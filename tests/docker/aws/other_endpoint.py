"""A process with ministack as any team may run it, on a socket that it inherits: `other_endpoint.py DESCRIPTOR`."""

import asyncio
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app


def main(descriptor: str) -> None:
    config = Config()
    config.bind = [f"fd://{descriptor}"]
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main(sys.argv[1])
