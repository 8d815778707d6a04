"""The shell script of a task's pause: it prepares the network that the task's containers share, then stays."""

from __future__ import annotations

import shlex

from emulator.ecs.endpoints import ADDRESS as ENDPOINT_ADDRESS
from emulator.runtime.specs.connect.names import HOSTS_READY
from emulator.runtime.state.conventions import NATIVE_FOLDER

# The agent answers for that address on the environment's network, whatever address it has itself.
_METADATA_ROUTE = f"ip route add {ENDPOINT_ADDRESS}/32 dev eth0; "
RULES_VARIABLE = "COPILOT_LOCAL_RULES"
"""Rules for iptables-restore that restrict what the task's log router may send; unset where nothing does."""
FILTER_STATE = "/tmp/filter.state"
"""Says `closed` once the rules are there, or `open` and why they cannot be."""
HOSTS_VARIABLE = "COPILOT_LOCAL_HOSTS"
"""Further lines of /etc/hosts."""
# They run with NET_ADMIN, in the image of the agent.
FILTER_RULES = (
    f'if [ -n "${RULES_VARIABLE}" ]; then '
    f'if printf %s "${RULES_VARIABLE}" | iptables-restore --noflush > /tmp/filter.said 2>&1; '
    "then echo closed > /tmp/filter.new; "
    'else echo "open $(head -n 1 /tmp/filter.said)" > /tmp/filter.new; fi; '
    f"mv /tmp/filter.new {FILTER_STATE}; fi; "
)
# Fargate's /etc/hosts knows localhost and the task's own address; extra hosts that Docker added are kept. Service
# Connect's names come after them, once the file says so.
_HOSTS = (
    'address=$(hostname -i | cut -d" " -f1); extra=$(grep "host.docker.internal" /etc/hosts); '
    '{ echo "127.0.0.1 localhost"; echo "$address $(hostname)"; [ -z "$extra" ] || echo "$extra"; '
    f'[ -z "${HOSTS_VARIABLE}" ] || echo "${HOSTS_VARIABLE}"; }} > /tmp/hosts; '
    f"cat /tmp/hosts > /etc/hosts; : > {HOSTS_READY}; "
)
# The route comes first: a member may ask for its metadata as soon as it runs.
PREPARE_NETWORK = f"{_METADATA_ROUTE}{FILTER_RULES}{_HOSTS}"
# What goes on running has no capability: it is another user's. A shell takes in the processes that lose their parent,
# which a task's containers may have where they share their process namespace with pause.
_STAY = "while :; do sleep 86400 & wait $!; done"
UNPRIVILEGED = 65534
"""A user, and a group, that owns nothing."""
_CONFINED = f"setpriv --reuid {UNPRIVILEGED} --regid {UNPRIVILEGED} --clear-groups --inh-caps=-all"
_IDLE = (
    f"if setpriv --reuid {UNPRIVILEGED} true 2> /dev/null; then exec {_CONFINED} sh -c '{_STAY}'; fi; "
    f"exec su -s /bin/sh nobody -c '{_STAY}'"
)
AWS_READY = "/tmp/aws.ready"
"""There as long as a port of the task leads to the local AWS endpoint."""
_RELAY_AWS = (
    f"while :; do rm -f {AWS_READY}; python3 -m emulator.agent.aws_relay $1 $2 $3 {AWS_READY} & wait $!; sleep 1; done"
)
# In the image of the agent. Arguments: the port of 127.0.0.1, the endpoint's host, and the service.
AWS_PAUSE_SCRIPT = f'{PREPARE_NETWORK}exec {_CONFINED} sh -c \'{_RELAY_AWS}\' relay "$1" "$2" "$3"'
PAUSE_SCRIPT = f"{PREPARE_NETWORK}{_IDLE}"
PAUSE_CAPABILITIES = ("NET_ADMIN", "SETGID", "SETUID")
"""What the script needs: to prepare the network, and to become another user."""
# The relay gives up what it does not need by itself. Until it has a handler, the signal that asks it to settle would
# end it.
_RELAY_LOGS = 'exec python3 -m emulator.agent.log_relay.relay "$@"'
RELAY_SCRIPT = f'trap "" USR1; {PREPARE_NETWORK}{_RELAY_LOGS}'
# The first three arguments are the endpoint's.
AWS_AND_LOGS_SCRIPT = (
    f'trap "" USR1; {PREPARE_NETWORK}{_CONFINED} sh -c \'{_RELAY_AWS}\' relay "$1" "$2" "$3" & shift 3; {_RELAY_LOGS}'
)


def with_native_relay(script: str, asked: str) -> str:
    """A script that also runs the relay to a program of this machine. `asked`: what its part in the task is asked for,
    as JSON."""
    relay = 'while :; do python3 -m emulator.agent.native_relay inside "$1" & wait $!; sleep 1; done'
    # Both parts of it are the same user, and make their sockets there.
    run = f"chmod 1777 {NATIVE_FOLDER}; {_CONFINED} sh -c {shlex.quote(relay)} native {shlex.quote(asked)} & "
    return script.replace(PREPARE_NETWORK, PREPARE_NETWORK + run, 1)
