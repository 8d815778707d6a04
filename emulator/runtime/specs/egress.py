"""Closes the network to a log router none of whose destinations is live, whatever its image and its files make it do.

The router shares the task's network namespace, so it is told apart by a group of its own, which it cannot leave: pause
puts rules for that group into the namespace before the router starts. Open stay loopback, 169.254.170.2 (metadata and
keys, and the local AWS endpoint by way of the agent), and answers on connections that came in. Docker's name server is
closed: it asks others outside.
"""

from __future__ import annotations

from dataclasses import replace

from emulator.ecs.endpoints import ADDRESS
from emulator.engine.interface import ContainerSpec, Engine
from emulator.errors import EngineError
from emulator.firelens.local_aws import ENDPOINT
from emulator.runtime.specs.pause_script import FILTER_STATE, HOSTS_VARIABLE, RULES_VARIABLE
from emulator.runtime.state import names
from emulator.runtime.state.conventions import DOCKERS_NAME_SERVER, NAME_SERVER

AWS_NAME = ENDPOINT
"""The local AWS endpoint's name on the environment's network."""
GROUP = 20001
"""A supplementary group that no image is likely to have."""
_LEAVES_GROUP = ("SETGID", "NET_RAW", "NET_ADMIN", "SYS_ADMIN")
"""Capabilities to leave the group, to send past the rules, and to change them."""
_NO_NAMES = f"-A ROUTER -d {DOCKERS_NAME_SERVER}/32 -j REJECT\n"
_NO_NAMES_OF_OURS = f"-A ROUTER -d {NAME_SERVER}/32 -j REJECT\n"
_RULES = f"""*filter
:ROUTER - [0:0]
-A OUTPUT -m owner --gid-owner {GROUP} --suppl-groups -j ROUTER
{_NO_NAMES}-A ROUTER -o lo -j RETURN
-A ROUTER -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j RETURN
-A ROUTER -d {ADDRESS}/32 -p tcp -m multiport --dports 80,443 -j RETURN
-A ROUTER -j REJECT
COMMIT
"""
_WAIT = f"i=0; until [ -s {FILTER_STATE} ] || [ $i = 500 ]; do sleep 0.02; i=$((i + 1)); done; cat {FILTER_STATE}"
_TIMEOUT = 30.0


def closing_pause(pause: ContainerSpec, *, aws: bool, names: bool = False) -> ContainerSpec:
    """The pause that closes the network to the task's router. `aws`: the router sends to the local AWS endpoint.
    `names`: the task has a name server of ours, which asks Docker's."""
    variables = {RULES_VARIABLE: _RULES.replace(_NO_NAMES, _NO_NAMES + _NO_NAMES_OF_OURS) if names else _RULES}
    if aws:
        variables[HOSTS_VARIABLE] = f"{ADDRESS} {ENDPOINT}"
    return replace(pause, environment={**pause.environment, **variables})


def closed_router(router: ContainerSpec) -> ContainerSpec:
    """The router that the rules of its pause hold for."""
    return replace(
        router,
        labels={**router.labels, names.EGRESS: "closed"},
        groups=(*router.groups, str(GROUP)),
        cap_add=tuple(one for one in router.cap_add if one.upper().removeprefix("CAP_") not in _LEAVES_GROUP),
        cap_drop=tuple(dict.fromkeys((*router.cap_drop, *_LEAVES_GROUP))),
    )


def open_reason(engine: Engine, router: ContainerSpec) -> str:
    """Waits until the network is closed to a router that is about to start; why it is not, if it cannot be."""
    if not router.labels.get(names.EGRESS) or router.network is None:
        return ""
    try:
        result = engine.exec(router.network.removeprefix("container:"), ("sh", "-c", _WAIT), timeout=_TIMEOUT)
    except EngineError as error:
        return str(error)
    said = result.stdout.decode(errors="replace").strip()
    if result.exit_code == 0 and said in ("closed", ""):
        return ""
    return said.removeprefix("open").strip() or "the task's pause does not say that it is"
