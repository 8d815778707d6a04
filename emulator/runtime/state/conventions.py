"""What all containers of an environment are made with, a task's own included: limits, folders, log options."""

from __future__ import annotations

from emulator.engine.interface import UlimitSpec

FARGATE_NO_FILE = UlimitSpec("nofile", 65535, 65535)
"""Fargate's default; always explicit, since a daemon may hand out a huge or a tiny one."""
NO_FILE = UlimitSpec("nofile", 16384, 16384)
"""For containers of our own, and where a daemon may not raise the limit to Fargate's."""
NO_IPV6 = "net.ipv6.conf.all.disable_ipv6"
"""Set in every task: `localhost` is 127.0.0.1 alone, also where an engine gives containers an IPv6 loopback."""
REGION_VARIABLES = frozenset({"AWS_REGION", "AWS_DEFAULT_REGION"})
DOCKERS_NAME_SERVER = "127.0.0.11"
"""Docker itself listens there, in every container."""
NAME_SERVER = "127.0.0.12"
"""Where a task has a name server of ours, beside Docker's: no program of an image is likely to listen there."""
JSON_FILE_OPTIONS = {"max-size": "20m", "max-file": "5", "mode": "blocking"}
"""A daemon's own options fill in what is not said here, and its `non-blocking` drops lines without a word."""
RESTART = "always"
"""Restart policy of the containers that are no task's. Not `unless-stopped`: a daemon that was killed stops, when it
starts again, what it finds still running, and takes that for stopped by a user."""
PAUSE_MEMORY = 64 << 20
"""What a pause may have where its limits are not those of the task."""
RELAY_MEMORY = 48 << 20
AWS_RELAY_MEMORY = 48 << 20
"""What the relay in a pause may need; on top of the task's memory, which is not to be less than on Fargate for it."""
NATIVE_RELAY_MEMORY = 48 << 20
"""The same of the relay to a program of this machine."""
NATIVE_FOLDER = "/copilot-local/native"
"""Where a pause and what stands in for a main container have the volume with the sockets between them."""
SHARED_FOLDER = "/copilot-local/socket"
"""Where containers of our own have the volume that the router has at `/var/run`."""
SETTLED = "/tmp/relay.settled"
"""Where a relay says that it holds nothing any more: in the pause itself, out of the router's reach."""
CONTROL_FOLDER = "/copilot-local/control"
"""Where the agent makes its socket for commands on the daemon's machine."""
