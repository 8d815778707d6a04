"""AWS's own host names, for tasks whose SDKs do not read AWS_ENDPOINT_URL: `[aws] reach = "names"`. Pure.

The pause of such a task runs a name server that leads `*.amazonaws.com` to the local AWS endpoint, which has a
certificate for those names. Its authority is handed out beside the public ones, in one file: most variables that name
such a file replace what the image trusts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.engine.interface import ContainerSpec, Engine, Mount
from emulator.errors import EngineError, TaskError, UsageError
from emulator.firelens.local_aws import FOLDER
from emulator.regions import dns_suffix
from emulator.runtime.specs.load_balancer import UNPRIVILEGED_PORTS
from emulator.runtime.specs.log_router import local_outputs
from emulator.runtime.specs.pause_script import AWS_READY
from emulator.runtime.state import names
from emulator.runtime.state.conventions import NAME_SERVER

if TYPE_CHECKING:
    from emulator.runtime.state.desired import DesiredService, DesiredState

READY = "/tmp/names.ready"
"""In the pause: there as long as its name server has listened."""
NAMES_FOLDER = f"{FOLDER}/names"
"""Of the authority's certificate (`ca.pem`), and of the same with the public ones (`bundle.pem`)."""
_BUNDLE = f"{NAMES_FOLDER}/bundle.pem"
CA_VARIABLES = {
    "AWS_CA_BUNDLE": _BUNDLE,
    "NODE_EXTRA_CA_CERTS": f"{NAMES_FOLDER}/ca.pem",
    "REQUESTS_CA_BUNDLE": _BUNDLE,
    "SSL_CERT_FILE": _BUNDLE,
}
"""What SDKs trust. Node.js alone adds to the public authorities what it is given."""
# Every container of the task has this file, which Docker mounts: it is written over in place.
_PREPARE = (
    f"rm -f {READY}; sed 's/^nameserver .*/nameserver {NAME_SERVER}/' /etc/resolv.conf > /tmp/resolv.conf; "
    "cat /tmp/resolv.conf > /etc/resolv.conf; "
)
_RELAY = f"python3 -m emulator.agent.aws_relay $1 $2 $3 {AWS_READY} &"
_RELAY_AND_NAMES = f"python3 -m emulator.agent.aws_names $1 $2 $3 {AWS_READY} {NAME_SERVER} {READY} &"
_WAIT = "i=0; until [ -e {} ]; do [ $i = 500 ] && exit 1; sleep 0.02; i=$((i + 1)); done"
_TIMEOUT = 30.0
_NO_RELAY = "the task does not reach the local AWS endpoint: what leads there does not start"


def certified_names(region: str) -> list[str]:
    """The names in the endpoint's certificate: those of the services, and of S3's buckets, in a region and in none."""
    suffix = dns_suffix(region)
    subdomains = ("", "s3.", f"{region}.", f"s3.{region}.", f"s3.dualstack.{region}.", f"dynamodb.{region}.")
    return [f"*.{subdomain}{suffix}" for subdomain in (*subdomains, f"s3-{region}.", f"dualstack.{region}.")]


def named_pause(pause: ContainerSpec) -> ContainerSpec:
    """The pause, of a task that has the relay to the endpoint, that leads AWS's names there as well."""
    script, *words = pause.command or ()
    script = _PREPARE + script.replace(_RELAY, _RELAY_AND_NAMES, 1)
    return replace(pause, command=(script, *words), sysctls={**pause.sysctls, UNPRIVILEGED_PORTS: "0"})


def named_member(member: ContainerSpec, volume: str) -> ContainerSpec:
    """A container of such a task; what it says itself of authorities wins. `volume` is the endpoint's,
    with the files."""
    return replace(
        member,
        labels={**member.labels, names.AWS_NAMES: "true"},
        environment={**CA_VARIABLES, **member.environment},
        mounts=(*member.mounts, Mount(volume, FOLDER, read_only=True, copy=False)),
    )


def wait_for_names(engine: Engine, member: ContainerSpec) -> None:
    """Waits until the names lead to the endpoint, before a container starts that is to find it. Raises TaskError."""
    if member.labels.get(names.AWS_NAMES) != "true" or member.network is None:
        return
    pause = member.network.removeprefix("container:")
    if engine.exec(pause, ("sh", "-c", _WAIT.format(READY)), timeout=_TIMEOUT).exit_code != 0:
        raise TaskError(
            "the names of AWS do not lead to the local AWS endpoint: the task's name server does not start",
            hint=f"`docker logs {pause}` says why",
        )


def wait_for_relay(engine: Engine, pause: ContainerSpec) -> None:
    """Waits until the port of a task whose pause was started leads to the endpoint: its containers may ask at once.
    Raises TaskError."""
    if not pause.command or AWS_READY not in pause.command[0]:
        return
    try:
        ready = engine.exec(pause.name, ("sh", "-c", _WAIT.format(AWS_READY)), timeout=_TIMEOUT).exit_code == 0
    except EngineError as error:
        raise TaskError(f"{_NO_RELAY}: {error.message}", hint=f"`docker logs {pause.name}` says why") from error
    if not ready:
        raise TaskError(_NO_RELAY, hint=f"`docker logs {pause.name}` says why")


def check_reach(state: DesiredState) -> None:
    """Raises UsageError for a service that cannot be led there by AWS's names."""
    for name, desired in state.services.items():
        if desired.options.aws_names and (reason := _obstacle(desired)):
            raise UsageError(
                f'[aws] reach = "names": {name} {reason}',
                hint="those names lead to this machine alone then; `[aws.reach]` chooses the services they are for",
            )


def _obstacle(desired: DesiredService) -> str:
    if desired.options.credentials != "none":
        return "has real keys (`--credentials`, `[credentials]`), which are for the real AWS"
    if any(output.policy == "live" for output in local_outputs(desired)):
        return "sends its logs to the real AWS (`live`)"
    for container in desired.service.task_definition.container_definitions:
        if any(port.container_port == 53 for port in container.port_mappings):
            return f"listens on port 53 ({container.name}), where the task's name server is"
    return ""
