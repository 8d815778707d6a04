"""What is another here about a log router than on ECS, which no line of its file shows."""

from __future__ import annotations

from emulator.firelens.destinations import EVERY, Destinations
from emulator.firelens.local import Difference, LocalRouterConfiguration


def router_differences(configuration: LocalRouterConfiguration, destinations: Destinations) -> tuple[Difference, ...]:
    """Of the container: the file that its command has to give Fluent Bit, and where it may send."""
    if destinations.policies.get(EVERY) == "live":
        return ()
    found = [
        Difference(
            ("the image's command: any main file (`-c`), which runs instead of the one above where it is another",),
            (f"the image's command: {configuration.path} alone, and no output of its own (`-o`)",),
            "`up` and `firelens check` refuse an image that runs on another file: its outputs would not be captured",
        )
    ]
    if all(output.policy != "live" for output in configuration.outputs):
        found.append(
            Difference(
                ("the router's network: the task's",),
                ("the router's network: loopback and 169.254.170.2, and answers on connections that came in",),
                "no destination is live: whatever the router's image, plugins and scripts send, nothing leaves",
            )
        )
    return tuple(found)
